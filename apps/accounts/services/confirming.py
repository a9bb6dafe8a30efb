"""The signed text in a mail that proves an address: whose and which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.core import signing

from apps.accounts.errors import InvalidConfirmationError

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
