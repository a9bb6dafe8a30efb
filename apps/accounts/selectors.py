"""Questions about users: who may log in under a name, whose profile may be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.hashers import check_password

from apps.accounts.errors import InvalidTokenError, UserNotFoundError
from apps.accounts.models import User

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID


def user_for_login(identifier: str) -> User | None:
    """Whoever this username, or confirmed address, belongs to; also somebody who is inactive."""
    if "\0" in identifier:  # PostgreSQL has no text with NUL, so nobody is called that
        return None
    return User.objects.known_as(identifier).first()


def get_active_user(user_id: UUID) -> User:
    """Raises UserNotFoundError also for somebody deactivated: nobody learns the difference."""
    user = User.objects.active().filter(pk=user_id).first()
    if user is None:
        raise UserNotFoundError
    return user


def get_caller(user_id: UUID) -> User:
    """The user behind a token that was good. Raises InvalidTokenError when there is none left."""
    user = User.objects.active().filter(pk=user_id).first()
    if user is None:
        raise InvalidTokenError
    return user


def accounts_that_keep(passwords: Mapping[str, str]) -> list[str]:
    """Usernames of active users whose password is still the one given for their name."""
    users = User.objects.active().filter(username_key__in=passwords)
    kept = [user for user in users if check_password(passwords[user.username_key], user.password)]
    return sorted(user.username for user in kept)
