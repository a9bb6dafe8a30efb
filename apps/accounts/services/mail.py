"""The two mails that accounts send; neither repeats what a caller typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.cache import cache
from django.core.mail import send_mail

from apps.accounts.models import User
from apps.accounts.services.confirming import LIFETIME, Confirmation, make_confirmation

if TYPE_CHECKING:
    from uuid import UUID

NOTICE_PAUSE = 3600  # seconds between two notices to one person, whoever keeps asking

CONFIRM = """Hello {name},

to confirm that this address is yours, send the text between the lines to the API within
{days} days:

    POST /api/v1/email-confirmations
    {{"confirmation": "..."}}

---
{confirmation}
---

From then on you can log in with this address as well. If you did not ask for this, do nothing.
"""

IN_USE = """Hello {name},

somebody asked for an account with this address. It has one already: yours, {name}. Nothing was
changed, and the other person was told nothing.

If that was you, log in with your username. If not, there is nothing to do.
"""


def send_confirmation(*, user_id: UUID) -> None:
    """To the address a user asked for last. Who is gone, or has confirmed it, gets nothing."""
    user = User.objects.active().filter(pk=user_id).first()
    address = user and (user.pending_email or ("" if user.email_verified_at else user.email))
    if user is None or not address:
        return
    confirmation = make_confirmation(Confirmation(user.pk, address))
    text = CONFIRM.format(name=user.username, days=LIFETIME.days, confirmation=confirmation)
    send_mail("Confirm your address", text, None, [address])


def send_address_in_use(*, user_id: UUID) -> None:
    """To the owner of an address that was used again; at most one an hour, so it is no weapon."""
    user = User.objects.active().exclude(email="").filter(pk=user_id).first()
    if user is None or not cache.add(f"accounts:address-in-use:{user.pk}", 1, NOTICE_PAUSE):
        return
    send_mail("You already have an account", IN_USE.format(name=user.username), None, [user.email])
