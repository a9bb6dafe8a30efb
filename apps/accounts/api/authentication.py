"""Access tokens of people, for the bearer dispatcher: all that is needed is inside, no query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.accounts import services

if TYPE_CHECKING:
    from core.security.principal import Principal


class JwtScheme:
    """A JWT by its shape. Once verified it stays so until it expires, unless it is revoked."""

    has_row = False

    def matches(self, token: str) -> bool:
        """Three parts. Keys, OAuth and device tokens begin with a prefix and have no dot."""
        return token.count(".") == 2  # noqa: PLR2004 - header.payload.signature, RFC 7515 section 7.1

    def authenticate(self, token: str) -> Principal:
        """Raises InvalidTokenError, ExpiredTokenError."""
        return services.read_access_token(token)
