"""A new password for who has forgotten theirs: the signed text in a mail, and what it opens."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.core import signing
from django.db import transaction

from apps.accounts.errors import InvalidAccountError, InvalidResetError
from apps.accounts.models import User
from apps.accounts.models.naming import email_key
from apps.accounts.services import attempts, confirming, hashing
from apps.accounts.services.passwords import store_password
from core.ids import uuid7
from core.security.tokens import digest_secret, secret_matches
from core.tasks import enqueue

if TYPE_CHECKING:
    from datetime import datetime

SALT = "accounts.reset-password"
LIFETIME = timedelta(hours=1)


def make_reset(user: User) -> str:
    """The text that sets this user's password once, within an hour, as long as nothing changes."""
    return signing.dumps([str(user.pk), digest_secret(_state_of(user)).hex()], salt=SALT)


def request_password_reset(*, email: str, ip: str | None) -> None:
    """Have a link sent to the address, if it is the confirmed one of an active user.

    Whoever asks learns nothing: known and unknown cost one query and one task each.

    Raises:
        InvalidAccountError: not an address.
        TooManyAttemptsError: enough for this address, or from this IP address, for this hour.
        core.security.lockout.AttemptsUnknownError: they cannot be counted.
    """
    faults = confirming.address_faults(email)
    if faults:
        raise InvalidAccountError(errors=tuple(faults))
    key = email_key(email)
    attempts.take(attempts.of_reset(key, ip))
    _send_link(key)


@transaction.atomic
def _send_link(key: str) -> None:
    """A task in both cases; one about nobody does nothing."""
    known = User.objects.active().owning(key)
    user_id = known.values_list("pk", flat=True).first() or uuid7()
    enqueue("accounts.send_password_reset", user_id=str(user_id))


def check_reset(token: str) -> None:
    """Whether a token would set a password now. Raises InvalidResetError."""
    _user_of(token)


def reset_password(*, token: str, password: str, now: datetime) -> None:
    """Set the password of whoever the token was mailed to; every login of theirs ends.

    Wrong guesses at that account's password are forgotten: its owner is back.

    Raises:
        InvalidResetError: forged, older than an hour, used, or the account has changed since.
        InvalidAccountError: the rules refuse the password.
    """
    user = _user_of(token)
    faults = hashing.password_faults(password, user=user)
    if faults:
        raise InvalidAccountError(errors=tuple(faults))
    new_hash = make_password(password)
    with transaction.atomic():
        locked = User.objects.active().select_for_update(no_key=True).filter(pk=user.pk).first()
        if locked is None or _state_of(locked) != _state_of(user):
            raise InvalidResetError
        store_password(locked, new_hash, actor=None, reason="By the link in a mail.", now=now)
        forget = partial(attempts.forget_account, locked.username, locked.email)
        transaction.on_commit(forget, robust=True)


def _user_of(token: str) -> User:
    try:
        user_id, state = signing.loads(token, salt=SALT, max_age=LIFETIME)
    except signing.BadSignature as error:
        raise InvalidResetError from error
    user = User.objects.active().filter(pk=UUID(user_id)).first()
    if user is None or not secret_matches(_state_of(user), bytes.fromhex(state)):
        raise InvalidResetError
    return user


def _state_of(user: User) -> str:
    """What must not have changed meanwhile. The hash has a random salt, so nobody can guess it."""
    changed_at = user.password_changed_at.isoformat()
    return f"{SALT}|{user.pk}|{user.password}|{changed_at}|{user.email_key}"
