"""Whose an order is, and what is shown of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db.models import F, Prefetch

from apps.orders.errors.orders import OrderNotFoundError
from apps.orders.models import Order, OrderEvent, OrderLine
from core.db.shaping import as_it_is

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from core.db.shaping import Shape
    from core.security.principal import Principal

MANAGE: Final = "orders:manage"
"""The scope of whoever sees and serves everybody's orders."""
NUMBER_MAX: Final = 2**63 - 1
NUMBER: Final = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
"""As Django's <uuid:…> reads it: in lower case, with its hyphens."""


def manages_orders(principal: Principal) -> bool:
    """Whether a caller sees everybody's orders, and what is for staff alone in them."""
    return MANAGE in principal.scopes


def orders_visible_to(principal: Principal) -> QuerySet[Order]:
    """Who carries orders:manage sees all; a person theirs; an application what it placed."""
    orders = Order.objects.all()
    if manages_orders(principal):
        return orders
    mine = orders.filter(user_id=principal.user_id)
    if principal.application_id is not None:
        mine = mine.filter(application_id=principal.application_id)
    return mine


def order_for(principal: Principal, order_id: UUID, shape: Shape[Order] = as_it_is) -> Order:
    """Raises OrderNotFoundError also for somebody else's."""
    return _only(orders_visible_to(principal).filter(pk=order_id), shape, f"{order_id}")


def order_numbered(principal: Principal, number: int, shape: Shape[Order] = as_it_is) -> Order:
    """Raises OrderNotFoundError also for somebody else's."""
    if number > NUMBER_MAX:
        raise OrderNotFoundError(f"There is no order {number}.")
    return _only(orders_visible_to(principal).filter(number=number), shape, f"{number}")


def order_named(principal: Principal, name: str, shape: Shape[Order] = as_it_is) -> Order:
    """By its id or its number, as a path spells either.

    Raises OrderNotFoundError also for somebody else's, and for what is neither.
    """
    if NUMBER.fullmatch(name) is not None:
        return order_numbered(principal, int(name), shape)
    if ID.fullmatch(name) is not None:
        return order_for(principal, UUID(name), shape)
    raise OrderNotFoundError("An order is named by its id or its number.")


def _only(orders: QuerySet[Order], shape: Shape[Order], name: str) -> Order:
    found = shape(orders).first()
    if found is None:
        raise OrderNotFoundError(f"There is no order {name}.")
    return found


def order_with_lines(order_id: UUID) -> Order:
    """An order that is there, with its lines; for the platform itself."""
    return Order.objects.prefetch_related(with_lines()).get(pk=order_id)


def with_lines(prefix: str = "") -> Prefetch[Any]:
    """The lines of orders as they were asked for: one statement for any number of orders.

    Each has the `currency` of its order, which its amounts are in.

    Args:
        prefix: the path from the row to the order, with `__` behind, or empty.
    """
    lines = OrderLine.objects.annotate(currency=F("order__currency")).order_by("position")
    return Prefetch(f"{prefix}lines", queryset=lines)


def timeline_of(principal: Principal, order_id: UUID) -> QuerySet[OrderEvent]:
    """What happened to an order; what is for staff alone is shown to who manages orders.

    Raises OrderNotFoundError also for somebody else's.
    """
    order = order_for(principal, order_id, _keys)
    events = OrderEvent.objects.filter(order_id=order.pk).select_related("order")
    return events if manages_orders(principal) else events.filter(is_internal=False)


def _keys(orders: QuerySet[Order]) -> QuerySet[Order]:
    return orders.only("pk")
