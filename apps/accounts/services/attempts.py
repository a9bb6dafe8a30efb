"""How often somebody may be wrong, or ask for something: by the account named, by the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.accounts.errors import TooManyAttemptsError, TooManyFailuresError
from apps.accounts.models.naming import normalise
from core.security import lockout
from core.security.lockout import Subject

if TYPE_CHECKING:
    from uuid import UUID

LOCK_SECONDS = 15 * 60
ACCOUNT_FAILURES = 10  # then the account is closed to everybody for LOCK_SECONDS
IP_FAILURES = 100  # many people can share one address

HOUR = 3600  # seconds; an allowance begins with the first attempt and is whole again after it
REGISTRATIONS_PER_IP = 20  # an hour
RESETS_PER_IP = 20  # an hour
RESETS_PER_ADDRESS = 5  # an hour, for one e-mail address: a mailbox is not to be filled
CLAIMS_PER_ADDRESS = 5  # an hour, by registering or asking for it, for the same reason


def of_login(identifier: str, ip: str | None) -> list[Subject]:
    """What a login is counted under. A name nobody has counts all the same, so it tells nothing."""
    account = Subject("login-account", normalise(identifier), ACCOUNT_FAILURES, LOCK_SECONDS)
    if ip is None:
        return [account]
    return [account, Subject("login-ip", ip, IP_FAILURES, LOCK_SECONDS)]


def of_password_check(user_id: UUID) -> list[Subject]:
    """What a wrong current password is counted under: whoever has a stolen token may guess too."""
    return [Subject("password-check", str(user_id), ACCOUNT_FAILURES, LOCK_SECONDS)]


def of_registration(ip: str | None, email_key: str = "") -> list[Subject]:
    """Whatever address cannot be read shares one allowance, so that hiding it wins nothing."""
    caller = Subject("register-ip", ip or "unknown", REGISTRATIONS_PER_IP, HOUR)
    return [caller, *of_claim(email_key)] if email_key else [caller]


def of_reset(email_key: str, ip: str | None) -> list[Subject]:
    """An address that nobody has counts all the same, so it tells nothing."""
    return [
        Subject("reset-address", email_key, RESETS_PER_ADDRESS, HOUR),
        Subject("reset-ip", ip or "unknown", RESETS_PER_IP, HOUR),
    ]


def of_claim(email_key: str) -> list[Subject]:
    """Each claim to an address sends it a mail. One that is somebody's counts as any other."""
    return [Subject("claim-address", email_key, CLAIMS_PER_ADDRESS, HOUR)]


def take(subjects: list[Subject]) -> None:
    """Count an attempt, whatever comes of it. Raises TooManyAttemptsError, AttemptsUnknownError."""
    seconds = lockout.take_attempt(subjects)
    if seconds:
        raise TooManyAttemptsError(
            f"This was tried too often. Try again in {seconds} seconds.", retry_after=seconds
        )


def refuse_while_locked(subjects: list[Subject]) -> None:
    """Raises TooManyFailuresError, also for who would now be right, and AttemptsUnknownError."""
    _refuse_for(lockout.locked_for(subjects))


def note_failure(subjects: list[Subject]) -> None:
    """Raises what refuse_while_locked raises: of many at once only the allowed learn more."""
    _refuse_for(lockout.note_failure(subjects))


def note_success(subjects: list[Subject]) -> None:
    """The account starts anew; the address does not, or one own account would open all others.

    Raises what refuse_while_locked raises: the door was closed while the password was checked.
    """
    _refuse_for(lockout.note_success(subjects))


def _refuse_for(seconds: int) -> None:
    if seconds:
        raise TooManyFailuresError(
            f"Too many failed attempts. Try again in {seconds} seconds.", retry_after=seconds
        )


def forget_account(*identifiers: str) -> None:
    """Under these names an account may be tried again; what addresses have done stays counted."""
    lockout.forget_failures(of_login(name, None)[0] for name in identifiers if name)
