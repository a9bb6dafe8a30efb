"""Tables of users and of their logins."""

from __future__ import annotations

from apps.accounts.models.login import RefreshFamily, RefreshToken
from apps.accounts.models.user import User

__all__ = ["RefreshFamily", "RefreshToken", "User"]
