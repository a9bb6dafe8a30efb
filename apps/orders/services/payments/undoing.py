"""Giving up an order's payments: what is open is cancelled, what was taken is given back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apps.orders.models import OPEN, PaymentIntent, Refund
from apps.orders.services.payments.owing import Kind, backoff, owe_call, pending_call
from apps.orders.services.payments.statuses import GIVEN_UP, Status
from apps.orders.services.payments.sums import sum_up
from apps.orders.services.refunds.starting import start_refund
from apps.orders.services.timeline import note
from core.db.locks import lock_in_order

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from apps.orders.models import Order, ProviderCall
    from core.audit import Actor

CANCELS_MAX: Final = 20  # of one payment of an order that has ended: some two hours, then staff


def undo_payments(*, order: Order, reason: str, actor: Actor, now: datetime) -> None:
    """Cancel what may still bring money to an order, and give back what it has brought.

    Rows and tasks alone: no provider is called here. A payment whose outcome nobody knows is left
    until it is known; money that comes of it then is given back (`settling`).

    Args:
        order: ended, or about to; the caller holds its lock.
        reason: of Refund.Reason, for what is given back.
        actor: who undoes; None: the platform.
        now: aware, UTC.
    """
    for intent in _locked(order):
        if intent.status in OPEN:
            give_up(order, intent, actor=actor, now=now)
        elif intent.captured > intent.refunded:
            _give_back(order, intent, reason, actor, now)
    sum_up(order)


def undo_late_payments(*, order: Order, now: datetime) -> bool:
    """The same for what has come since an order has ended.

    A refund is begun once, and what the provider does not let go `cancel_again` sees to.

    Returns:
        Whether money had come.
    """
    has_come = False
    for intent in _locked(order):
        if intent.status in OPEN and not _cancels(intent).exists():
            give_up(order, intent, actor=None, now=now)
        elif intent.captured > intent.refunded and not intent.refunds.exists():
            has_come = True
            _give_back(order, intent, Refund.Reason.LATE_PAYMENT, None, now)
    return has_come


def give_up(order: Order, intent: PaymentIntent, *, actor: Actor, now: datetime) -> None:
    """Cancel an open intent, unless a call about it is under way. Caller holds both locks."""
    if pending_call(intent) is not None:
        return
    if is_ours_alone(intent):
        close(order, intent, actor=actor, now=now)
        return
    owe_call(intent=intent, kind=Kind.CANCEL, amount=None, by_caller=False, now=now)


def cancel_again(*, order: Order, intent: PaymentIntent, now: datetime) -> None:
    """What a provider did not let go for an order that has ended is tried again, later and later.

    After CANCELS_MAX times it is left to staff: the nightly check shows it. Caller holds both
    locks, and has closed the call that failed.
    """
    tries = _cancels(intent).count()
    if order.status in GIVEN_UP and intent.status in OPEN and tries < CANCELS_MAX:
        owe_call(
            intent=intent,
            kind=Kind.CANCEL,
            amount=None,
            by_caller=False,
            now=now,
            after=backoff(tries),
        )


def is_ours_alone(intent: PaymentIntent) -> bool:
    """Whether no provider has anything of it: one that declined has the charge, and may take it."""
    return intent.status == Status.REQUIRES_PAYMENT_METHOD and not intent.provider_reference


def close(order: Order, intent: PaymentIntent, *, actor: Actor, now: datetime) -> None:
    """An intent that is ours alone is over with a stroke of the pen."""
    intent.status, intent.cancelled_at, intent.next_action = Status.CANCELLED, now, None
    intent.save(update_fields=["status", "cancelled_at", "next_action"])
    note(order=order, type="payment.cancelled", data={"payment_id": str(intent.pk)}, actor=actor)


def _give_back(
    order: Order, intent: PaymentIntent, reason: str, actor: Actor, now: datetime
) -> None:
    start_refund(
        order=order,
        intent=intent,
        amount=intent.captured - intent.refunded,
        reason=reason,
        actor=actor,
        by_caller=False,
        now=now,
    )


def _cancels(intent: PaymentIntent) -> QuerySet[ProviderCall]:
    """The calls that were to cancel what the last attempt to pay has brought."""
    cancels = intent.calls.filter(kind=Kind.CANCEL)
    last = intent.calls.filter(kind=Kind.PAY).order_by("-pk").first()
    return cancels if last is None else cancels.filter(pk__gt=last.pk)


def _locked(order: Order) -> list[PaymentIntent]:
    return list(lock_in_order(PaymentIntent.objects.filter(order=order), no_key=True))
