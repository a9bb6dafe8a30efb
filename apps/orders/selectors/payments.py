"""The payments and refunds of an order, for whoever sees the order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Prefetch

from apps.orders.errors.payments import PaymentNotFoundError, RefundNotFoundError
from apps.orders.models import Order, PaymentIntent, Refund, RefundLine
from apps.orders.selectors.orders import order_for
from core.db.shaping import as_it_is

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from core.db.shaping import Shape
    from core.security.principal import Principal


def payments_of(principal: Principal, order_id: UUID) -> QuerySet[PaymentIntent]:
    """Raises OrderNotFoundError also for somebody else's order."""
    order = order_for(principal, order_id, _key_alone)
    rows: QuerySet[PaymentIntent] = PaymentIntent.objects.filter(order_id=order.pk)
    return rows


def payment_for(
    principal: Principal,
    order_id: UUID,
    payment_id: UUID,
    shape: Shape[PaymentIntent] = as_it_is,
) -> PaymentIntent:
    """Raises OrderNotFoundError, PaymentNotFoundError."""
    found = shape(payments_of(principal, order_id).filter(pk=payment_id)).first()
    if found is None:
        raise PaymentNotFoundError(f"The order has no payment {payment_id}.")
    return found


def refunds_of(principal: Principal, order_id: UUID) -> QuerySet[Refund]:
    """Raises OrderNotFoundError also for somebody else's order."""
    order = order_for(principal, order_id, _key_alone)
    rows: QuerySet[Refund] = Refund.objects.filter(order_id=order.pk)
    return rows


def refund_for(
    principal: Principal, order_id: UUID, refund_id: UUID, shape: Shape[Refund] = as_it_is
) -> Refund:
    """Raises OrderNotFoundError, RefundNotFoundError."""
    found = shape(refunds_of(principal, order_id).filter(pk=refund_id)).first()
    if found is None:
        raise RefundNotFoundError(f"The order has no refund {refund_id}.")
    return found


def with_pieces(prefix: str) -> Prefetch[Any]:
    """What refunds are for: one statement for any number of them; `prefix` leads to the refund."""
    lines = RefundLine.objects.select_related("refund").order_by("order_line__position")
    return Prefetch(f"{prefix}lines", queryset=lines)


def _key_alone(orders: QuerySet[Order]) -> QuerySet[Order]:
    return orders.only("pk")
