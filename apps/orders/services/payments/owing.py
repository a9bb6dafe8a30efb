"""Writing down the calls that we owe a provider, before any of them is made."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from apps.orders.errors.payments import PaymentInProgressError
from apps.orders.models import PaymentIntent, ProviderCall
from core.ids import uuid7
from core.tasks import enqueue

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from apps.orders.models import Refund

Kind = ProviderCall.Kind

BACKOFF_FIRST_SECONDS: Final = 5  # doubled with each try that brought nothing
BACKOFF_MAX_SECONDS: Final = 600
SETTLING_SECONDS: Final = 20  # what a lease lasts beyond the call itself: to write what came of it


def lease() -> timedelta:
    """How long whoever makes a call has it for themselves."""
    return timedelta(seconds=settings.PAYMENT_CALL_SECONDS + SETTLING_SECONDS)


def lease_until(now: datetime) -> datetime:
    """Until when whoever makes a call now has it for themselves."""
    return now + lease()


def backoff(tries: int) -> timedelta:
    """How long to wait after so many tries, from 1."""
    seconds = BACKOFF_FIRST_SECONDS * 2 ** min(tries - 1, 10)
    return timedelta(seconds=min(seconds, BACKOFF_MAX_SECONDS))


def owe_call(  # noqa: PLR0913 - the columns of a call
    *,
    intent: PaymentIntent,
    kind: ProviderCall.Kind,
    amount: Decimal | None,
    by_caller: bool,
    now: datetime,
    arguments: Mapping[str, Any] | None = None,
    refund: Refund | None = None,
    after: timedelta = timedelta(),
) -> ProviderCall:
    """Write a call with its key. Caller holds the locks of the order and of the intent.

    Args:
        intent: of which payment.
        kind: what is asked.
        amount: as far as one is said.
        by_caller: whoever has asked makes it themselves once this is committed (`finishing`); else
            a task is sent. Should they die, the reaper makes it when their lease has run out.
        now: aware, UTC.
        arguments: what is said beside the amount.
        refund: that it is for.
        after: how long it is to wait; then the reaper sends it.
    """
    call: ProviderCall = ProviderCall.objects.create(
        intent=intent,
        refund=refund,
        kind=kind,
        key=f"agora_{uuid7().hex}",
        arguments=dict(arguments or {}),
        amount=amount,
        tries=1 if by_caller else 0,
        lease_until=lease_until(now) if by_caller else None,
        next_try_at=now + after,
    )
    if by_caller:
        intent.owed = call.pk
    elif not after:
        enqueue("orders.make_provider_call", call_id=str(call.pk))
    return call


def pending_call(intent: PaymentIntent) -> ProviderCall | None:
    """The call about the payment itself whose outcome is not known; there is at most one."""
    rows = ProviderCall.objects.filter(intent=intent, state=ProviderCall.State.PENDING)
    return rows.exclude(kind=Kind.REFUND).first()


def check_nothing_owed(intent: PaymentIntent) -> None:
    """Raises PaymentInProgressError. Caller holds the intent's lock."""
    if pending_call(intent) is not None:
        raise PaymentInProgressError(payment_id=str(intent.pk), payment_state=intent.status)
