"""How often somebody may be wrong: per account that was named, and per address it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.accounts.errors import TooManyFailuresError
from apps.accounts.models.naming import normalise
from core.security import lockout
from core.security.lockout import Subject

if TYPE_CHECKING:
    from uuid import UUID

LOCK_SECONDS = 15 * 60
ACCOUNT_FAILURES = 10  # then the account is closed to everybody for LOCK_SECONDS
IP_FAILURES = 100  # many people can share one address


def of_login(identifier: str, ip: str | None) -> list[Subject]:
    """What a login is counted under. A name nobody has counts all the same, so it tells nothing."""
    account = Subject("login-account", normalise(identifier), ACCOUNT_FAILURES, LOCK_SECONDS)
    if ip is None:
        return [account]
    return [account, Subject("login-ip", ip, IP_FAILURES, LOCK_SECONDS)]


def of_password_check(user_id: UUID) -> list[Subject]:
    """What a wrong current password is counted under: whoever has a stolen token may guess too."""
    return [Subject("password-check", str(user_id), ACCOUNT_FAILURES, LOCK_SECONDS)]


def refuse_while_locked(subjects: list[Subject]) -> None:
    """Raises TooManyFailuresError, also for who would now be right, and AttemptsUnknownError."""
    seconds = lockout.locked_for(subjects)
    if seconds:
        raise TooManyFailuresError(
            f"Too many failed attempts. Try again in {seconds} seconds.", retry_after=seconds
        )


def note_success(subjects: list[Subject]) -> None:
    """The account starts anew; the address does not, or one own account would open all others."""
    lockout.forget_failures(subjects[:1])
