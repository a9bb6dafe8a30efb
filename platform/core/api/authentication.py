"""One bearer dispatcher: the token's shape says which scheme checks it. No query, no session."""

from __future__ import annotations

import hashlib
import re
import time
from functools import cache
from typing import TYPE_CHECKING, Protocol

from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework.authentication import BaseAuthentication

from core.api.refusals import InvalidTokenError
from core.limits import TOKEN_CACHE_SIZE
from core.observability.request_id import current
from core.security import revocation
from core.security.principal import PrincipalUser

if TYPE_CHECKING:
    from rest_framework.request import Request

    from core.security.principal import Principal

TOKEN_MAX = 4_096  # characters; a token of ours has about 400
BEARER = re.compile(r"Bearer +([A-Za-z0-9\-._~+/]+=*)", re.ASCII | re.IGNORECASE)  # RFC 6750 2.1


class BearerScheme(Protocol):
    """A kind of token, named in settings.BEARER_SCHEMES by dotted path.

    Attributes:
        keeps: whether a verified token stays verified until its `expires_at`, revocation apart;
            such a token is checked once a process.
    """

    keeps: bool

    def matches(self, token: str) -> bool:
        """Whether the token has this scheme's shape."""
        ...

    def authenticate(self, token: str) -> Principal:
        """Raises UnauthenticatedError when the token is not good."""
        ...


class VerifiedTokens:
    """Verified tokens of this process by digest; the oldest goes when it is full.

    Digests, so that a dump of the memory is not a list of credentials. Safe between threads: each
    step is one operation on a dict.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._users: dict[bytes, tuple[float, PrincipalUser]] = {}

    @staticmethod
    def _digest(token: str) -> bytes:
        return hashlib.blake2b(token.encode("ascii"), digest_size=20).digest()

    def get(self, token: str, *, now: float) -> PrincipalUser | None:
        """The user of a token that was verified and has not expired at `now` (Unix seconds)."""
        kept = self._users.get(self._digest(token))
        return kept[1] if kept is not None and now < kept[0] else None

    def put(self, token: str, user: PrincipalUser) -> None:
        while len(self._users) >= self._size:
            self._users.pop(next(iter(self._users), b""), None)
        self._users[self._digest(token)] = (user.principal.expires_at.timestamp(), user)

    def clear(self) -> None:
        self._users.clear()


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
        user = verified_tokens.get(token, now=time.time())
        if user is None:
            user = self._verify(token)
        revocation.snapshot().check(user.principal)
        current().principal = user.principal
        return user, user.principal

    @staticmethod
    def _verify(token: str) -> PrincipalUser:
        for scheme in _schemes(tuple(settings.BEARER_SCHEMES)):
            if scheme.matches(token):
                user = PrincipalUser(scheme.authenticate(token))
                if getattr(scheme, "keeps", False):
                    verified_tokens.put(token, user)
                return user
        raise InvalidTokenError("The token is of no known kind.")

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        return 'Bearer realm="agora"'


def token_of(header: str) -> str:
    """The token of an Authorization header, by the grammar of RFC 6750 section 2.1."""
    match = BEARER.fullmatch(header) if len(header) <= TOKEN_MAX else None
    if match is None:
        raise InvalidTokenError("The Authorization header must be: Bearer <token>.")
    return match[1]
