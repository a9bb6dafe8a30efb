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
from apps.accounts.models.naming import email_key, tidy
from apps.accounts.selectors import get_caller
from apps.accounts.services import attempts, confirming
from apps.accounts.services.announcing import announce
from apps.accounts.services.confirming import read_confirmation
from apps.accounts.services.passwords import check_current_password
from core import audit

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

    When somebody else has confirmed the address, that person gets a mail instead. The caller sees
    no difference.

    Raises:
        WrongPasswordError, TooManyFailuresError: a stolen access token is not enough.
        InvalidAccountError: not an address.
        TooManyAttemptsError: enough mails for this address for this hour.
        core.security.lockout.AttemptsUnknownError: they cannot be counted.
    """
    user = get_caller(user_id)
    check_current_password(user, current_password)
    faults = confirming.address_faults(address)
    if faults:
        raise InvalidAccountError(errors=tuple(faults))
    attempts.take(attempts.of_claim(email_key(address)))
    return _await_confirmation(user_id, address)


@transaction.atomic
def _await_confirmation(user_id: UUID, address: str) -> User:
    user = _locked_caller(user_id)
    user.pending_email = tidy(address)
    user.save(update_fields=["pending_email"])
    confirming.ask_to_confirm(user)
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

    Raises InvalidConfirmationError, also when somebody else has confirmed it first.
    """
    claims = read_confirmation(confirmation)
    try:
        _take_address(claims, now)
    except (IntegrityError, InvalidTokenError) as error:
        raise InvalidConfirmationError from error


@transaction.atomic
def _take_address(claims: Confirmation, now: datetime) -> None:
    user = _locked_caller(claims.user_id)
    if claims.address != user.pending_email:
        if claims.address != user.email:
            raise InvalidConfirmationError
        return  # a second time
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
