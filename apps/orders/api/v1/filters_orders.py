"""Query parameters of the lists of orders and of what happened to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef

from apps.orders.models import Order, OrderLine
from core.api.typed_filters import (
    EXACT,
    ID,
    MONEY,
    NULL,
    ONE_OF,
    RANGE,
    TEXT,
    TIME,
    Typed,
    TypedFilterSet,
    choice,
    integer,
)

if TYPE_CHECKING:
    from django.db.models import QuerySet

NUMBER_MAX = 2**63 - 1


def _with_sku(
    orders: QuerySet[Order],
    operator: str,  # noqa: ARG001 - as Typed.apply is called
    sku: str,
) -> QuerySet[Order]:
    """An EXISTS, so that an order stands in the list once, however many lines it has."""
    return orders.filter(Exists(OrderLine.objects.filter(order=OuterRef("pk"), sku=sku)))


class OrderFilter(TypedFilterSet):
    typed = (
        Typed("status", choice(Order.Status.values), ONE_OF),
        Typed("payment_status", choice(Order.PaymentStatus.values), ONE_OF),
        Typed("fulfilment_status", choice(Order.FulfilmentStatus.values), ONE_OF),
        Typed("number", integer(1, NUMBER_MAX), EXACT),
        Typed("sku", TEXT, EXACT, apply=_with_sku, about="One of its items."),
        Typed("total", MONEY, RANGE, about="Whatever the currency."),
        Typed("currency", TEXT, EXACT),
        Typed("user_id", ID, ONE_OF, about="Who bought it; for who manages orders."),
        Typed("application_id", ID, ONE_OF + NULL, about="Through which it was placed."),
        Typed("placed_at", TIME, RANGE),
        Typed("updated_at", TIME, RANGE),
    )


class OrderEventFilter(TypedFilterSet):
    typed = (
        Typed("type", TEXT, ONE_OF),
        Typed("created_at", TIME, RANGE),
    )
