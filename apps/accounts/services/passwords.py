"""Changing a password: by its owner, or by staff for somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.hashers import make_password
from django.db import transaction

from apps.accounts import events
from apps.accounts.errors import InvalidAccountError, UserNotFoundError, WrongPasswordError
from apps.accounts.models import RefreshFamily, User
from apps.accounts.selectors import get_caller
from apps.accounts.services import attempts, ending, hashing
from apps.accounts.services.announcing import announce
from apps.accounts.services.logins import open_login
from core import audit
from core.errors import FieldError
from core.tasks import enqueue

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from apps.accounts.services.logins import LoginTokens, Origin
    from core.audit import Actor
    from core.security.principal import Principal


def check_current_password(user: User, password: str) -> None:
    """Raises WrongPasswordError, TooManyFailuresError, AttemptsUnknownError."""
    subjects = attempts.of_password_check(user.pk)
    attempts.refuse_while_locked(subjects)
    if not hashing.password_matches(user, password):
        attempts.note_failure(subjects)
        raise _wrong_password()
    attempts.note_success(subjects)


def change_password(
    *, current_password: str, new_password: str, actor: Principal, origin: Origin, now: datetime
) -> LoginTokens:
    """Set the actor's password, end every login of theirs, and start a new one.

    Raises:
        WrongPasswordError: the current password is another.
        InvalidAccountError: the rules refuse the new one.
        TooManyFailuresError: too many wrong guesses at the current one.
    """
    user = get_caller(actor.user_id)
    check_current_password(user, current_password)
    _refuse_faulty(user, new_password)
    new_hash = make_password(new_password)
    with transaction.atomic():
        locked = User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()
        if locked is None or not locked.is_active or locked.password != user.password:
            raise _wrong_password()
        store_password(locked, new_hash, actor=actor, reason="", now=now)
        return open_login(locked, origin, now)


def set_password(*, user_id: UUID, password: str, actor: Actor, reason: str, now: datetime) -> None:
    """Give somebody a new password, which the caller has checked; every login of theirs ends.

    Raises UserNotFoundError.
    """
    new_hash = make_password(password)
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
        if user is None:
            raise UserNotFoundError
        store_password(user, new_hash, actor=actor, reason=reason, now=now)


def store_password(user: User, new_hash: str, *, actor: Actor, reason: str, now: datetime) -> None:
    """Caller holds the lock on the user. Whose address is confirmed gets a mail about it."""
    before = user.password_changed_at
    user.password, user.password_changed_at = new_hash, now
    user.save(update_fields=["password", "password_changed_at"])
    logins = ending.lock_live_logins(user)
    ending.end_logins(logins, cause=RefreshFamily.Cause.PASSWORD_CHANGED, now=now)
    audit.record(
        actor=actor,
        action="accounts.user.password_changed",
        object_type="user",
        object_id=str(user.pk),
        before={"changed_at": before},
        after={"changed_at": now, "logins_ended": len(logins)},
        reason=reason,
    )
    announce(events.PASSWORD_CHANGED, user, actor=actor)
    if user.email_verified_at is not None:
        enqueue("accounts.send_password_changed", user_id=str(user.pk))


def _refuse_faulty(user: User, password: str) -> None:
    faults = hashing.password_faults(password, user=user, pointer="#/new_password")
    if faults:
        raise InvalidAccountError(errors=tuple(faults))


def _wrong_password() -> WrongPasswordError:
    fault = FieldError("wrong_password", WrongPasswordError.title, pointer="#/current_password")
    return WrongPasswordError(errors=(fault,))
