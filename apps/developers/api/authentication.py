"""API keys, for the bearer dispatcher."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from apps.developers.services.keys import KEY_PREFIX
from apps.developers.services.verifying import verify_key

if TYPE_CHECKING:
    from core.security.principal import Principal


class ApiKeyScheme:
    """`sk_…`. The key's row is the truth: read once, then again when something has changed."""

    has_row = True

    def matches(self, token: str) -> bool:
        return token.startswith(KEY_PREFIX)

    def authenticate(self, token: str) -> Principal:
        """Raises InvalidTokenError, ExpiredTokenError and others; see verify_key."""
        return verify_key(token, now=timezone.now())
