"""Access tokens of OAuth 2.0, for the bearer dispatcher: a row in the database is the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from apps.developers.selectors import oauth

if TYPE_CHECKING:
    from core.security.principal import Principal


class OAuthTokenScheme:
    """A token by its prefix. Kept once read, until something about its row may have changed."""

    has_row = True

    def matches(self, token: str) -> bool:
        return token.startswith(oauth.ACCESS_PREFIX)

    def authenticate(self, token: str) -> Principal:
        """Raises InvalidTokenError, ExpiredTokenError and others; see principal_of_token."""
        return oauth.principal_of_token(token, now=timezone.now())
