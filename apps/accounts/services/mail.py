"""The mails that accounts send; none repeats what a caller typed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.conf import settings
from django.core.cache import cache
from django.core.mail import send_mail

from apps.accounts.models import User
from apps.accounts.services import confirming, resetting
from apps.accounts.services.confirming import Confirmation, make_confirmation
from apps.accounts.services.resetting import make_reset

if TYPE_CHECKING:
    from uuid import UUID

NOTICE_PAUSE = 3600  # seconds between two notices to one person, whoever keeps asking

CONFIRM = """Hello {name},

to confirm that this address is yours, open this page within {days} days:

    {url}

Or send the text between the lines to the API:

    POST /api/v1/email-confirmations
    {{"confirmation": "..."}}

---
{confirmation}
---

From then on the address belongs to the account {name}, and you can log in with it as well. If
this is not your account, do nothing: without you nobody can make the address theirs.
"""

IN_USE = """Hello {name},

somebody gave this address for another account. It is yours, confirmed for the account {name}, and
stays so: nothing has changed there, and the other person was told nothing.

If that was you, log in as {name}, or with this address. If you have forgotten your password:

    {url}

If it was not you, there is nothing to do.
"""

RESET = """Hello {name},

somebody, probably you, asked for a new password for your account. To choose one, open this page
within {minutes} minutes:

    {url}

Or send the text between the lines to the API:

    POST /api/v1/password-resets/confirm
    {{"token": "...", "password": "..."}}

---
{token}
---

It works once. If you did not ask for this, do nothing: your password stays as it is.
"""

CHANGED = """Hello {name},

the password of your account was changed. Every login has ended; log in anew where you need to.
API keys go on working, and applications that you gave access to keep that access, until you take
it back in your account.

If this was not you, choose a new password now, and look through your keys and applications:

    {url}
"""


def send_confirmation(*, user_id: UUID) -> None:
    """To the address a user asked for last. Who is gone, or has confirmed it, gets nothing."""
    user = User.objects.active().exclude(pending_email="").filter(pk=user_id).first()
    if user is None:
        return
    confirmation = make_confirmation(Confirmation(user.pk, user.pending_email))
    text = CONFIRM.format(
        name=user.username,
        days=confirming.LIFETIME.days,
        url=page_url("confirm-email", token=confirmation),
        confirmation=confirmation,
    )
    send_mail("Confirm your address", text, None, [user.pending_email])


def send_address_in_use(*, user_id: UUID) -> None:
    """To who has confirmed an address that another gave; one an hour, so it is no weapon."""
    user = _reachable(user_id)
    if user is None or not cache.add(f"accounts:address-in-use:{user.pk}", 1, NOTICE_PAUSE):
        return
    text = IN_USE.format(name=user.username, url=page_url("password-reset"))
    send_mail("Your address was given for another account", text, None, [user.email])


def send_password_reset(*, user_id: UUID) -> None:
    """To the confirmed address of somebody active; an id of nobody is nothing unusual here."""
    user = _reachable(user_id)
    if user is None:
        return
    token = make_reset(user)
    text = RESET.format(
        name=user.username,
        minutes=int(resetting.LIFETIME.total_seconds() // 60),
        url=page_url("password-reset/confirm", token=token),
        token=token,
    )
    send_mail("Choose a new password", text, None, [user.email])


def send_password_changed(*, user_id: UUID) -> None:
    """So that whoever did not change it learns of it."""
    user = _reachable(user_id)
    if user is not None:
        text = CHANGED.format(name=user.username, url=page_url("password-reset"))
        send_mail("Your password was changed", text, None, [user.email])


def send_notice(*, user_id: UUID, subject: str, text: str) -> None:
    """What another app has to tell somebody, below a greeting; to a confirmed address alone."""
    user = _reachable(user_id)
    if user is not None:
        send_mail(subject, f"Hello {user.username},\n\n{text}", None, [user.email])


def _reachable(user_id: UUID) -> User | None:
    """Somebody active whose address is known to be theirs."""
    known = User.objects.active().filter(email_verified_at__isnull=False)
    return known.filter(pk=user_id).first()


def page_url(page: str, **query: str) -> str:
    """A page under /account/ as people reach it: with the public scheme, host and port."""
    address = f"{settings.PUBLIC_URL}/account/{page}"
    return f"{address}?{urlencode(query)}" if query else address
