"""Passwords and their hashes: the rules, and comparing in the same time for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.hashers import check_password, get_hasher, identify_hasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from apps.accounts.models.naming import USERNAME_MIN, normalise
from core.errors import FieldError
from core.limits import PASSWORD_MAX

if TYPE_CHECKING:
    from apps.accounts.models import User


def password_matches(user: User | None, password: str) -> bool:
    """Hashes once, also for nobody, so that the time says nothing about who exists."""
    if user is None:
        make_password(password)
        return False
    return check_password(password, user.password)


def renew_hash(user: User, password: str) -> None:
    """Hash anew when the stored hash has weaker parameters than today's. No change of password."""
    preferred = get_hasher("default")
    hasher = identify_hasher(user.password)
    if hasher.algorithm != preferred.algorithm or preferred.must_update(user.password):
        user.password = make_password(password)
        user.save(update_fields=["password"])


def password_faults(password: str, *, user: User, pointer: str = "#/password") -> list[FieldError]:
    """What the rules have against this password for this (perhaps not yet stored) user."""
    if len(password) > PASSWORD_MAX:
        return [FieldError("too_long", f"At most {PASSWORD_MAX} characters.", pointer)]
    try:
        validate_password(password, user)
    except ValidationError as error:
        return [
            FieldError(fault.code or "invalid", " ".join(fault.messages), pointer)
            for fault in error.error_list
        ]
    return []


class NameInPasswordValidator:
    """Refuses a password that holds the username, or what stands before the @ of an address.

    Django's rule compares them as wholes and lets `Alice-2026-winter` pass for alice. For
    settings.AUTH_PASSWORD_VALIDATORS.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        """Raises ValidationError `password_like_name`; for nobody in particular, never."""
        if user is not None and any(name in normalise(password) for name in _names_of(user)):
            raise ValidationError(self.get_help_text(), code="password_like_name")

    def get_help_text(self) -> str:
        return "A password must not hold the username or the name in the e-mail address."


def _names_of(user: User) -> set[str]:
    """As they are compared. One or two letters are in many words, and name nobody."""
    locals_ = (address.rpartition("@")[0] for address in (user.email, user.pending_email))
    names = {normalise(name) for name in (user.username, *locals_)}
    return {name for name in names if len(name) >= USERNAME_MIN}
