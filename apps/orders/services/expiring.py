"""Orders that nobody has paid in time expire, and what they held is free again."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from apps.orders.models import Order, PaymentIntent, ProviderCall, Refund
from apps.orders.services.coupons import return_coupon
from apps.orders.services.machine import move
from apps.orders.services.payments.undoing import undo_payments
from apps.products.services.stock import Reference, release

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

EXPIRED_AT_ONCE: Final = 500  # orders of one run; beat comes again in 15 s

Intent, Call = PaymentIntent.Status, ProviderCall.Kind
UNDER_WAY: Final = (Intent.PROCESSING, Intent.REQUIRES_ACTION, Intent.REQUIRES_CAPTURE)
"""States of an intent in which the payer has done their part, or is about to."""


def expire_orders(*, now: datetime) -> int:
    """Let pending orders expire whose time has come; how many it were.

    Each is expired in a transaction of its own, so one that fails holds up no other, and the lock
    on a hot stock row is held for one order's time. An order that somebody else has locked (its
    payment is being settled, its buyer cancels it) is left to the next run.
    """
    due = list(_due(now).order_by("expires_at").values_list("pk", flat=True)[:EXPIRED_AT_ONCE])
    return sum(_try_to_expire(order_id, now) for order_id in due)


def _due(now: datetime) -> QuerySet[Order]:
    """Pending orders past their time, but for those whose payment is still under way.

    Such an order would expire under its payer's feet. It is given ORDER_PAYMENT_GRACE_SECONDS, and
    no more, so that a payer who never comes back does not hold stock for ever; money that comes
    later still is given back.
    """
    intents = PaymentIntent.objects.filter(order=OuterRef("pk"), status__in=UNDER_WAY)
    calls = ProviderCall.objects.filter(
        intent__order=OuterRef("pk"),
        state=ProviderCall.State.PENDING,
        kind__in=(Call.PAY, Call.CAPTURE),
    )
    grace = timedelta(seconds=settings.ORDER_PAYMENT_GRACE_SECONDS)
    return Order.objects.filter(status=Order.Status.PENDING, expires_at__lt=now).filter(
        Q(expires_at__lt=now - grace) | ~(Exists(intents) | Exists(calls))
    )


def _try_to_expire(order_id: UUID, now: datetime) -> bool:
    try:
        return _expire(order_id, now)
    except Exception:
        logger.exception("Order %s could not expire.", order_id)
        return False


@transaction.atomic
def _expire(order_id: UUID, now: datetime) -> bool:
    """Look again under the lock: its payment may have come, or have begun, meanwhile."""
    rows = Order.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
    order = rows.filter(pk=order_id).first()
    if order is None or not _due(now).filter(pk=order_id).exists():
        return False
    undo_payments(order=order, reason=Refund.Reason.LATE_PAYMENT, actor=None, now=now)
    return_coupon(order=order, now=now)
    move(order_id=order.pk, to=Order.Status.EXPIRED, actor=None, now=now)
    release(reference=Reference(type="order", id=order.pk), expired=True, actor=None)
    return True
