"""One bearer dispatcher: the token's shape says which scheme checks it. No query, no session."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework.authentication import BaseAuthentication

from core.api.addresses import address_of
from core.api.refusals import AddressNotAllowedError, InvalidTokenError
from core.limits import CREDENTIAL_CACHE_SECONDS, TOKEN_CACHE_SIZE
from core.observability.request_id import current
from core.security import revocation
from core.security.principal import PrincipalUser

if TYPE_CHECKING:
    from rest_framework.request import Request

    from core.security.principal import Principal
    from core.security.revocation import RevocationSnapshot

TOKEN_MAX = 4_096  # characters; a token of ours has about 400
BEARER = re.compile(r"Bearer +([A-Za-z0-9\-._~+/]+=*)", re.ASCII | re.IGNORECASE)  # RFC 6750 2.1


class BearerScheme(Protocol):
    """A kind of token, named in settings.BEARER_SCHEMES by dotted path.

    A verified token is kept, so that the next call with it costs nothing: one that says all about
    itself until it runs out or is revoked; one with a row until something about the row may have
    changed, and at most CREDENTIAL_CACHE_SECONDS. Then its row is read again.

    Attributes:
        has_row: whether the token's row in the database is the truth about it.
    """

    has_row: bool

    def matches(self, token: str) -> bool:
        """Whether the token has this scheme's shape."""
        ...

    def authenticate(self, token: str) -> Principal:
        """Raises UnauthenticatedError when the token is not good."""
        ...


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that was good.

    Attributes:
        user: whom it stands for.
        until: Unix seconds after which it must be verified again.
        since: monotonic seconds at which verifying it began; None: no row is behind it.
    """

    user: PrincipalUser
    until: float
    since: float | None


class VerifiedTokens:
    """Verified tokens of this process by digest; the oldest goes when it is full.

    Digests, so that a dump of the memory is not a list of credentials. Safe between threads: each
    step is one operation on a dict.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: dict[bytes, Verified] = {}

    @staticmethod
    def _digest(token: str) -> bytes:
        return hashlib.blake2b(token.encode("ascii"), digest_size=20).digest()

    def get(self, token: str, *, now: float) -> Verified | None:
        """What is known of a token that needs not be verified again at `now` (Unix seconds)."""
        kept = self._kept.get(self._digest(token))
        return kept if kept is not None and now < kept.until else None

    def put(self, token: str, verified: Verified) -> None:
        while len(self._kept) >= self._size:
            self._kept.pop(next(iter(self._kept), b""), None)
        self._kept[self._digest(token)] = verified

    def clear(self) -> None:
        self._kept.clear()


verified_tokens = VerifiedTokens(TOKEN_CACHE_SIZE)


@cache
def _schemes(paths: tuple[str, ...]) -> tuple[BearerScheme, ...]:
    return tuple(import_string(path)() for path in paths)


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer …`. Without it nobody is calling; a bad one is 401 on any view."""

    def authenticate(self, request: Request) -> tuple[PrincipalUser, Principal] | None:
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        token = token_of(header)
        snapshot = revocation.snapshot()
        verified = verified_tokens.get(token, now=time.time())
        if verified is None or is_outdated(verified, snapshot):
            verified = self._verify(token, snapshot)
        if verified.since is None:
            snapshot.check(verified.user.principal)
        else:
            snapshot.check_fresh()
        principal = verified.user.principal
        current().principal = principal
        if principal.networks:
            check_address(request, principal)
        return verified.user, principal

    @staticmethod
    def _verify(token: str, snapshot: RevocationSnapshot) -> Verified:
        for scheme in _schemes(tuple(settings.BEARER_SCHEMES)):
            if scheme.matches(token):
                if scheme.has_row:
                    snapshot.check_fresh()  # before a query that may have to wait for a database
                since = time.monotonic() if scheme.has_row else None
                principal = scheme.authenticate(token)
                verified = Verified(
                    PrincipalUser(principal), _kept_until(principal, has_row=scheme.has_row), since
                )
                verified_tokens.put(token, verified)
                return verified
        raise InvalidTokenError("The token is of no known kind.")

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        return 'Bearer realm="agora"'


def is_outdated(verified: Verified, snapshot: RevocationSnapshot) -> bool:
    """Whether the row behind a kept token may say something else by now."""
    return verified.since is not None and snapshot.has_news_about(
        verified.user.principal, since=verified.since
    )


def _kept_until(principal: Principal, *, has_row: bool) -> float:
    """Unix seconds."""
    longest = time.time() + CREDENTIAL_CACHE_SECONDS if has_row else float("inf")
    expires_at = principal.expires_at
    return longest if expires_at is None else min(longest, expires_at.timestamp())


def check_address(request: Request, principal: Principal) -> None:
    """Raises AddressNotAllowedError: the credential is bound to other networks."""
    address = address_of(getattr(request, "_request", request))
    if address is None or not any(address in network for network in principal.networks):
        raise AddressNotAllowedError(
            "This credential may not be used from the address that this call comes from."
        )


def token_of(header: str) -> str:
    """The token of an Authorization header, by the grammar of RFC 6750 section 2.1."""
    match = BEARER.fullmatch(header) if len(header) <= TOKEN_MAX else None
    if match is None:
        raise InvalidTokenError("The Authorization header must be: Bearer <token>.")
    return match[1]
