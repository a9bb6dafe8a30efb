"""Registering: a name that nobody has, and an answer that says nothing about addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from apps.accounts import events
from apps.accounts.errors import InvalidAccountError, UsernameTakenError
from apps.accounts.models import User
from apps.accounts.models.naming import USERNAME_RULE, is_username, tidy
from apps.accounts.services import attempts, hashing
from apps.accounts.services.announcing import announce
from core import audit
from core.errors import FieldError
from core.tasks import enqueue

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Registration:
    """What was asked for, as it is stored if it is stored. No id and no time, which would tell."""

    username: str
    email: str
    display_name: str


def register_user(  # noqa: PLR0913 - who one wants to be, from where, when
    *, username: str, email: str, password: str, display_name: str, ip: str | None, now: datetime
) -> Registration:
    """Make an account, unless the address has one: then its owner gets a mail, nobody else a word.

    Both ways cost one hash and one mail, and answer the same.

    Args:
        username: by the rule of models/naming.py; compared in NFKC and without case.
        email: may be empty; works as a login name once confirmed.
        password: at most 128 characters, by settings.AUTH_PASSWORD_VALIDATORS.
        display_name: public, in any script; may be empty.
        ip: where it comes from; one address makes few accounts an hour.
        now: the caller's clock.

    Raises:
        InvalidAccountError: one or more fields cannot be; `errors` lists all of them.
        UsernameTakenError: names are public, so this one may be said.
        TooManyAttemptsError: enough from this address for this hour.
        core.security.lockout.AttemptsUnknownError: they cannot be counted.
    """
    draft = User(username=username, email=email, display_name=display_name, password_changed_at=now)
    _refuse_faulty(draft, password)
    _refuse_taken(draft)
    attempts.take(attempts.of_registration(ip))
    draft.password = make_password(password)
    try:
        _store(draft)
    except IntegrityError:  # somebody was faster with the name or the address: now they are seen
        _store(draft)
    return Registration(draft.username, draft.email, draft.display_name)


@transaction.atomic
def _store(draft: User) -> None:
    _refuse_taken(draft)
    owner = User.objects.filter(email_key=draft.email_key).first() if draft.email_key else None
    if owner is not None:
        enqueue("accounts.send_address_in_use", user_id=str(owner.pk))
        return
    draft.save(force_insert=True)
    if draft.email:
        enqueue("accounts.send_confirmation", user_id=str(draft.pk))
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
        *address_faults(draft),
        *hashing.password_faults(password, user=draft),
    ]
    if faults:
        raise InvalidAccountError(errors=tuple(faults))


def _name_faults(draft: User) -> list[FieldError]:
    if is_username(tidy(draft.username)):
        return []
    return [FieldError("invalid_username", USERNAME_RULE, pointer="#/username")]


def address_faults(draft: User, *, pointer: str = "#/email") -> list[FieldError]:
    """What keeps the draft's address, if it has one, from being one."""
    fault = FieldError("invalid_email", "This is not an e-mail address.", pointer=pointer)
    try:
        if draft.email:
            validate_email(draft.email)
        draft.fill_keys()
    except (ValidationError, ValueError):
        return [fault]
    return []
