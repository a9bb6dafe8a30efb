"""Orders further on their way: paid, packed, sent."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from apps.orders.models import Order, OrderLine, PaymentIntent
from apps.orders.services.fulfilling import FulfilledLine, fulfil_order
from apps.orders.services.locking import lock_order
from apps.orders.services.payments.settling import payments_changed
from apps.products.models import Stock
from core.ids import uuid7
from core.models import OutboxEvent
from tests.factories.developers import login_of
from tests.factories.orders import make_order


def pay(order, *, status=PaymentIntent.Status.SUCCEEDED, now=None):
    """A payment of the whole order, as settling leaves it; without a provider behind it."""
    now = now or timezone.now()
    has_money = status == PaymentIntent.Status.SUCCEEDED
    is_known = status != PaymentIntent.Status.REQUIRES_PAYMENT_METHOD
    with transaction.atomic():
        locked = lock_order(order.pk, principal=None)
        PaymentIntent.objects.create(
            order=locked,
            user_id=locked.user_id,
            provider="sandbox",
            provider_reference=f"ch_{uuid7().hex}" if is_known else "",
            status=status,
            amount=locked.total,
            currency=locked.currency,
            captured=locked.total if has_money else 0,
            succeeded_at=now if has_money else None,
        )
        payments_changed(order=locked, actor=None, now=now)
    return Order.objects.get(pk=order.pk)


def make_paid_order(user, lines=(), **wanted):
    """A confirmed order, paid in full."""
    return pay(make_order(user, lines, **wanted))


def send(order, staff, *pieces, now=None, **parcel):
    """A parcel with so many pieces of the order's lines in their order; none named: all is left."""
    lines = OrderLine.objects.filter(order=order).order_by("position")
    packed = [
        FulfilledLine(line.pk, count) for line, count in zip(lines, pieces, strict=False) if count
    ]
    return fulfil_order(
        order_id=order.pk,
        lines=packed or None,
        actor=login_of(staff),
        now=now or timezone.now(),
        **parcel,
    )


def brought_to(status, order, *, now=None):
    """The row in a state, whatever that means for everything else."""
    now = now or timezone.now()
    reason = "staff" if status == Order.Status.CANCELLED else ""
    Order.objects.filter(pk=order.pk).update(status=status, cancel_reason=reason, expires_at=now)
    return Order.objects.get(pk=order.pk)


# -- What there is now


def lines_of(order):
    return list(OrderLine.objects.filter(order=order).order_by("position"))


def stock_of(variant):
    """Pieces on hand and reserved, of a variant that lies at one place."""
    stock = Stock.objects.get(variant=variant)
    return (stock.on_hand, stock.reserved)


def announced(order):
    """Type and data of what the world hears of an order, the first first."""
    rows = OutboxEvent.objects.filter(object_id=str(order.pk), kind=OutboxEvent.Kind.EVENT)
    return [(row.type, row.payload) for row in rows.order_by("position")]


def types_of(order):
    return [kind for kind, _ in announced(order)]
