"""Registering: a name that nobody has, and an address that waits to be confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from apps.accounts import events
from apps.accounts.errors import InvalidAccountError, UsernameTakenError
from apps.accounts.models import User
from apps.accounts.models.naming import USERNAME_RULE, email_key, is_username, tidy
from apps.accounts.services import attempts, confirming, hashing
from apps.accounts.services.announcing import announce
from core import audit
from core.errors import FieldError

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Registration:
    """What was asked for, as it is stored. `email` is the account's once it is confirmed."""

    username: str
    email: str
    display_name: str


def register_user(  # noqa: PLR0913 - who one wants to be, from where, when
    *, username: str, email: str, password: str, display_name: str, ip: str | None, now: datetime
) -> Registration:
    """Make an account. The address is not yet its own, so it may be anybody's.

    One hash and one mail, whether or not somebody has confirmed the address: to the address, or to
    its owner about it.

    Args:
        username: by the rule of models/naming.py; compared in NFKC and without case.
        email: may be empty; belongs to the account, and logs in, once confirmed.
        password: at most 128 characters, by settings.AUTH_PASSWORD_VALIDATORS.
        display_name: public, in any script; may be empty.
        ip: where it comes from; one IP address makes few accounts an hour, and one e-mail address
            is asked for a few times.
        now: the caller's clock.

    Raises:
        InvalidAccountError: one or more fields cannot be; `errors` lists all of them.
        UsernameTakenError: names are public, so this one may be said.
        TooManyAttemptsError: enough from this IP address, or for this address, for this hour.
        core.security.lockout.AttemptsUnknownError: they cannot be counted.
    """
    draft = User(username=username, display_name=display_name, password_changed_at=now)
    draft.pending_email = email
    _refuse_faulty(draft, password)
    draft.fill_keys()
    _refuse_taken(draft)
    attempts.take(attempts.of_registration(ip, email_key(draft.pending_email)))
    draft.password = make_password(password)
    try:
        _store(draft)
    except IntegrityError:  # somebody was faster with the name: now they are seen
        _store(draft)
    return Registration(draft.username, draft.pending_email, draft.display_name)


@transaction.atomic
def _store(draft: User) -> None:
    _refuse_taken(draft)
    draft.save(force_insert=True)
    if draft.pending_email:
        confirming.ask_to_confirm(draft)
    audit.record(
        actor=None,
        action="accounts.user.registered",
        object_type="user",
        object_id=str(draft.pk),
        before=None,
        after={"username": draft.username},
    )
    announce(events.USER_REGISTERED, draft, actor=None)


def _refuse_taken(draft: User) -> None:
    if User.objects.filter(username_key=draft.username_key).exists():
        fault = FieldError("taken", UsernameTakenError.title, pointer="#/username")
        raise UsernameTakenError(f"The username {draft.username!r} is taken.", errors=(fault,))


def _refuse_faulty(draft: User, password: str) -> None:
    faults = [
        *_name_faults(draft),
        *confirming.address_faults(draft.pending_email),
        *hashing.password_faults(password, user=draft),
    ]
    if faults:
        raise InvalidAccountError(errors=tuple(faults))


def _name_faults(draft: User) -> list[FieldError]:
    if is_username(tidy(draft.username)):
        return []
    return [FieldError("invalid_username", USERNAME_RULE, pointer="#/username")]
