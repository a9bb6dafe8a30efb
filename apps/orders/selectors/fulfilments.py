"""The parcels of an order, for whoever sees the order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Prefetch

from apps.orders.errors import FulfilmentNotFoundError
from apps.orders.models import Fulfilment, FulfilmentLine, Order
from apps.orders.selectors.orders import order_for
from core.db.shaping import as_it_is

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from core.db.shaping import Shape
    from core.security.principal import Principal


def fulfilments_of(principal: Principal, order_id: UUID) -> QuerySet[Fulfilment]:
    """Raises OrderNotFoundError also for somebody else's order."""
    order = order_for(principal, order_id, _key_alone)
    rows: QuerySet[Fulfilment] = Fulfilment.objects.filter(order_id=order.pk)
    return rows


def fulfilment_for(
    principal: Principal,
    order_id: UUID,
    fulfilment_id: UUID,
    shape: Shape[Fulfilment] = as_it_is,
) -> Fulfilment:
    """Raises OrderNotFoundError, FulfilmentNotFoundError."""
    found = shape(fulfilments_of(principal, order_id).filter(pk=fulfilment_id)).first()
    if found is None:
        raise FulfilmentNotFoundError(f"There is no fulfilment {fulfilment_id}.")
    return found


def fulfilment_with_contents(fulfilment_id: UUID) -> Fulfilment:
    """A parcel that is there, with what is in it; for the platform itself."""
    found: Fulfilment = Fulfilment.objects.prefetch_related(with_contents("")).get(pk=fulfilment_id)
    return found


def with_contents(prefix: str) -> Prefetch[Any]:
    """What is in parcels: one statement for any number of them; `prefix` leads to the parcel."""
    lines = FulfilmentLine.objects.order_by("order_line__position")
    return Prefetch(f"{prefix}lines", queryset=lines)


def _key_alone(orders: QuerySet[Order]) -> QuerySet[Order]:
    return orders.only("pk")
