"""Access and refresh tokens: how they are made and, strictly, what is one.

They are SimpleJWT's, behind a stricter backend: one algorithm, keys from our own list, no claim or
header read that was written twice. Kept among the services because rotation must check a token and
write its row in one transaction; nothing here knows of requests.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn, Self, cast
from uuid import UUID

import jwt
from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import (
    ExpiredTokenError as SimpleJwtExpiredTokenError,
)
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError
from rest_framework_simplejwt.tokens import Token

from apps.accounts.errors import ExpiredTokenError, InvalidTokenError
from core.security.principal import Principal
from core.security.scopes import scopes_of_login

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.accounts.models import User

TOKEN_MAX = 4_096  # characters; ours have about 600
SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
HEADER_NAMES = {"alg", "typ", "kid"}  # `crit`, `jku`, `x5u`, `jwk`, `b64` have no place in ours
TIME_MAX = 2**40  # seconds since 1970; beyond, a number is no time

TEXT_CLAIMS = ("token_type", "jti", "sub", "fam", "iss", "aud")
ACCESS_TEXT_CLAIMS = (*TEXT_CLAIMS, "name", "plan", "scope")


def access_lifetime() -> timedelta:
    return timedelta(seconds=settings.ACCESS_TOKEN_SECONDS)


def refresh_lifetime() -> timedelta:
    return timedelta(seconds=settings.REFRESH_TOKEN_SECONDS)


def leeway() -> timedelta:
    """By how much the clocks of two processes may differ."""
    return timedelta(seconds=_options()["LEEWAY"])


def _options() -> dict[str, Any]:
    return cast("dict[str, Any]", settings.SIMPLE_JWT)


def key_id(key: str) -> str:
    """The `kid` of a signing key: 64 bits that tell keys apart and say nothing about them."""
    return hmac.digest(key.encode(), b"agora:kid", "sha256").hex()[:16]


class RotatingBackend(TokenBackend):
    """Signs with the newest key; verifies with whichever of our keys a token's `kid` names."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        options = _options()
        super().__init__(
            options["ALGORITHM"],
            signing_key=keys[0],
            issuer=options["ISSUER"],
            audience=options["AUDIENCE"],
            leeway=leeway(),
        )
        self.newest = key_id(keys[0])
        self.keys = {key_id(key): self._prepare_key(key) for key in keys}

    def encode(self, payload: dict[str, Any]) -> str:
        claims = {**payload, "iss": self.issuer, "aud": self.audience}
        headers = {"kid": self.newest}
        return jwt.encode(claims, self.keys[self.newest], algorithm=self.algorithm, headers=headers)

    def decode(self, token: object, verify: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 - SimpleJWT's signature
        """Refuse what is ambiguous, then let SimpleJWT check the signature and the times."""
        if not isinstance(token, str) or len(token) > TOKEN_MAX or not SHAPE.fullmatch(token):
            raise TokenBackendError("Not a token.")
        header, claims = (_read_segment(segment) for segment in token.split(".")[:2])
        if header.keys() != HEADER_NAMES or (header["alg"], header["typ"]) != (
            self.algorithm,
            "JWT",
        ):
            raise TokenBackendError("Not a header of ours.")
        _check_claims(claims)
        return super().decode(token, verify=verify)  # type: ignore[arg-type] # annotated wrongly there

    def get_verifying_key(self, token: object) -> object:
        kid = jwt.get_unverified_header(str(token))["kid"]
        if not isinstance(kid, str) or kid not in self.keys:
            raise TokenBackendError("Signed with no key of ours.")
        return self.keys[kid]


def _read_segment(segment: str) -> dict[str, Any]:
    """The JSON object of one segment; a name written twice, or no object, is no token."""
    try:
        text = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode("utf-8")
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise TokenBackendError("Not a token.") from error
    if not isinstance(document, dict):
        raise TokenBackendError("Not a token.")
    return document


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("A name occurs twice.")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON.")


def _check_claims(claims: Mapping[str, Any]) -> None:
    """Types that SimpleJWT and PyJWT would coerce: times as text, text as anything."""
    if not all(type(claims.get(name)) is str for name in TEXT_CLAIMS):
        raise TokenBackendError("A claim is missing or not text.")
    if type(claims.get("exp")) is not int:
        raise TokenBackendError("`exp` is missing or no whole number.")
    for name in ("exp", "iat", *({"nbf"} & claims.keys())):
        value: Any = claims.get(name)
        if type(value) not in (int, float) or not 0 < value < TIME_MAX:
            raise TokenBackendError(f"`{name}` is no time.")


@lru_cache(maxsize=4)
def _backend(keys: tuple[str, ...]) -> RotatingBackend:
    return RotatingBackend(keys)


class LoginToken(Token):
    """What access and refresh tokens share: who, which login, and when, to the microsecond."""

    def get_token_backend(self) -> TokenBackend:
        return _backend(tuple(settings.JWT_SIGNING_KEYS))

    def set_iat(self, claim: str = "iat", at_time: datetime | None = None) -> None:
        """With the fraction of the second, which decides whether a revocation came before it."""
        self.payload[claim] = (at_time or self.current_time).timestamp()

    @classmethod
    def make(cls, *, user_id: UUID, family_id: UUID, now: datetime, **claims: object) -> Self:
        token = cls()
        token.set_iat(at_time=now)
        token.set_exp(from_time=now)
        token.payload |= {"sub": str(user_id), "fam": str(family_id), **claims}
        return token


class AccessToken(LoginToken):
    token_type = "access"  # noqa: S105 - a kind of token
    lifetime = timedelta(seconds=settings.ACCESS_TOKEN_SECONDS)


class RefreshTokenText(LoginToken):
    token_type = "refresh"  # noqa: S105 - a kind of token
    lifetime = timedelta(seconds=settings.REFRESH_TOKEN_SECONDS)


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """What a refresh token says that was signed by us and has not run out."""

    token_id: UUID
    family_id: UUID
    user_id: UUID


def make_access_token(*, user: User, family_id: UUID, now: datetime) -> str:
    """Everything a call needs to know about its caller, so that it asks no database."""
    token = AccessToken.make(
        user_id=user.pk,
        family_id=family_id,
        now=now,
        name=user.username,
        plan=_plan_of(user.pk),
        staff=user.is_staff,
        scope=" ".join(sorted(scopes_of_login(is_staff=user.is_staff))),
    )
    return str(token)


def _plan_of(user_id: UUID) -> str:
    """Plans belong to an app above this one, so a setting names who knows them."""
    name: str = import_string(settings.PLAN_OF_USER)(user_id)
    return name


def make_refresh_token(*, user_id: UUID, family_id: UUID, token_id: UUID, now: datetime) -> str:
    token = RefreshTokenText.make(user_id=user_id, family_id=family_id, now=now, jti=str(token_id))
    return str(token)


def read_access_token(text: str) -> Principal:
    """The caller an access token vouches for. Raises InvalidTokenError, ExpiredTokenError."""
    claims = _read(AccessToken, text)
    if not all(type(claims.get(name)) is str for name in ACCESS_TEXT_CLAIMS):
        raise InvalidTokenError
    if type(claims.get("staff")) is not bool:
        raise InvalidTokenError
    return Principal(
        user_id=_uuid(claims["sub"]),
        username=claims["name"],
        application_id=None,
        scopes=frozenset(claims["scope"].split()),
        plan=claims["plan"],
        is_staff=claims["staff"],
        credential="jwt",
        credential_id=claims["jti"],
        family_id=_uuid(claims["fam"]),
        issued_at=datetime.fromtimestamp(claims["iat"], UTC),
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )


def read_refresh_token(text: str) -> RefreshClaims:
    """Which login a refresh token belongs to. Raises InvalidTokenError, ExpiredTokenError."""
    claims = _read(RefreshTokenText, text)
    return RefreshClaims(
        token_id=_uuid(claims["jti"]), family_id=_uuid(claims["fam"]), user_id=_uuid(claims["sub"])
    )


def _read(kind: type[LoginToken], text: str) -> dict[str, Any]:
    try:
        return kind(text).payload  # type: ignore[arg-type] # annotated wrongly in SimpleJWT
    except SimpleJwtExpiredTokenError as error:
        raise ExpiredTokenError from error
    except (TokenError, TokenBackendError) as error:
        raise InvalidTokenError from error


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidTokenError from error
