"""Proving an address: what is one, whom a claim to it is mailed to, the signed text in the mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from apps.accounts.errors import InvalidConfirmationError
from apps.accounts.models import User
from apps.accounts.models.naming import email_key
from core.errors import FieldError
from core.tasks import enqueue

SALT = "accounts.confirm-email"
LIFETIME = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Confirmation:
    user_id: UUID
    address: str


def make_confirmation(confirmation: Confirmation) -> str:
    return signing.dumps([str(confirmation.user_id), confirmation.address], salt=SALT)


def read_confirmation(text: str) -> Confirmation:
    """Raises InvalidConfirmationError: forged, or older than three days."""
    try:
        user_id, address = signing.loads(text, salt=SALT, max_age=LIFETIME)
    except signing.BadSignature as error:
        raise InvalidConfirmationError from error
    return Confirmation(UUID(user_id), address)


def ask_to_confirm(user: User) -> None:
    """Have one mail sent: to the pending address, or to another who has confirmed it, about it.

    Both cost one query and one task. Belongs into the transaction that stores the address.
    """
    owner = User.objects.owning(email_key(user.pending_email)).exclude(pk=user.pk).first()
    if owner is None:
        enqueue("accounts.send_confirmation", user_id=str(user.pk))
    else:
        enqueue("accounts.send_address_in_use", user_id=str(owner.pk))


def address_faults(address: str) -> list[FieldError]:
    """What keeps an address, if there is one, from being one."""
    try:
        if address:
            validate_email(address)
        email_key(address)
    except (ValidationError, ValueError):
        return [FieldError("invalid_email", "This is not an e-mail address.", pointer="#/email")]
    return []
