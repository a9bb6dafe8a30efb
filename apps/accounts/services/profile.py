"""What people say about themselves, and proving that an address is theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from apps.accounts import events
from apps.accounts.errors import (
    InvalidAccountError,
    InvalidConfirmationError,
    InvalidTokenError,
)
from apps.accounts.models import User
from apps.accounts.models.naming import email_key
from apps.accounts.selectors import get_caller
from apps.accounts.services import attempts
from apps.accounts.services.announcing import announce
from apps.accounts.services.confirming import read_confirmation
from apps.accounts.services.passwords import check_current_password
from apps.accounts.services.registration import address_faults
from core import audit
from core.tasks import enqueue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from apps.accounts.services.confirming import Confirmation

PROFILE_FIELDS = ("display_name", "bio")


@transaction.atomic
def update_profile(
    *,
    user_id: UUID,
    changes: Mapping[str, str],
    check: Callable[[User], None],
) -> User:
    """Store the fields of PROFILE_FIELDS that `changes` names.

    Args:
        user_id: whose profile.
        changes: new values by field; what is not named stays.
        check: called with the locked row, to raise when the caller has seen an older one.

    Raises:
        InvalidTokenError: the caller's account is gone.
    """
    user = _locked_caller(user_id)
    check(user)
    for name in PROFILE_FIELDS:
        setattr(user, name, changes.get(name, getattr(user, name)))
    user.save(update_fields=PROFILE_FIELDS)
    return user


def request_email_change(*, user_id: UUID, address: str, current_password: str) -> User:
    """Send a confirmation to the new address; it becomes the account's when the text comes back.

    When the address is somebody else's, that person gets a mail instead. The caller sees no
    difference.

    Raises:
        WrongPasswordError, TooManyFailuresError: a stolen access token is not enough.
        InvalidAccountError: not an address.
        TooManyAttemptsError: enough mails for this address for this hour.
        core.security.lockout.AttemptsUnknownError: they cannot be counted.
    """
    user = get_caller(user_id)
    check_current_password(user, current_password)
    draft = User(username=user.username, email=address)
    faults = address_faults(draft)
    if faults:
        raise InvalidAccountError(errors=tuple(faults))
    attempts.take(attempts.of_email_change(draft.email_key))
    return _await_confirmation(user_id, draft)


@transaction.atomic
def _await_confirmation(user_id: UUID, draft: User) -> User:
    user = _locked_caller(user_id)
    user.pending_email = draft.email
    user.save(update_fields=["pending_email"])
    owner = User.objects.filter(email_key=draft.email_key).exclude(pk=user.pk).first()
    if owner is not None:
        enqueue("accounts.send_address_in_use", user_id=str(owner.pk))
    else:
        enqueue("accounts.send_confirmation", user_id=str(user.pk))
    return user


@dataclass(frozen=True, slots=True)
class AwaitedConfirmation:
    """What a confirmation would do, for the eyes of whoever has the mail."""

    username: str
    address: str


def read_awaited(confirmation: str) -> AwaitedConfirmation:
    """What confirming would do; changes nothing. Raises InvalidConfirmationError."""
    claims = read_confirmation(confirmation)
    user = User.objects.active().filter(pk=claims.user_id).first()
    if user is None or claims.address not in (user.pending_email, user.email):
        raise InvalidConfirmationError
    return AwaitedConfirmation(user.username, claims.address)


def confirm_email(*, confirmation: str, now: datetime) -> None:
    """The address in the confirmation becomes the account's, and may be used to log in.

    Raises InvalidConfirmationError, also when it has become somebody else's meanwhile.
    """
    claims = read_confirmation(confirmation)
    try:
        _take_address(claims, now)
    except (IntegrityError, InvalidTokenError) as error:
        raise InvalidConfirmationError from error


@transaction.atomic
def _take_address(claims: Confirmation, now: datetime) -> None:
    user = _locked_caller(claims.user_id)
    if claims.address not in (user.pending_email, user.email):
        raise InvalidConfirmationError
    if claims.address == user.email and user.email_verified_at is not None:
        return
    user.email, user.email_key = claims.address, email_key(claims.address)
    user.email_verified_at, user.pending_email = now, ""
    user.save(update_fields=["email", "email_key", "email_verified_at", "pending_email"])
    audit.record(
        actor=None,
        action="accounts.user.email_confirmed",
        object_type="user",
        object_id=str(user.pk),
        before=None,
        after={"email_verified_at": now},
    )
    announce(events.EMAIL_CONFIRMED, user, actor=None)


def _locked_caller(user_id: UUID) -> User:
    user = User.objects.active().select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise InvalidTokenError
    return user
