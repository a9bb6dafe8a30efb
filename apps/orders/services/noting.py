"""The one thing of an order that its buyer may change: the note."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction

from apps.orders.errors.orders import OrderClosedError
from apps.orders.models import Order
from apps.orders.selectors.orders import order_named, order_with_lines
from apps.orders.services.locking import lock_order
from apps.orders.services.timeline import note as note_down
from core import audit

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.security.principal import Principal

OPEN: Final = (Order.Status.PENDING, Order.Status.CONFIRMED, Order.Status.PROCESSING)


@transaction.atomic
def change_note(*, name: str, note: str, check: Callable[[Order], None], actor: Principal) -> Order:
    """Write another note, until the first parcel has left.

    Args:
        name: id or number of an order of the actor, or of anybody for who manages orders.
        note: at most 1,000 characters; may be empty.
        check: of If-Match; called with the locked order.
        actor: who changes it.

    Raises:
        OrderNotFoundError.
        OrderClosedError: it has ended, or something of it has left.
    """
    order = lock_order(order_named(actor, name).pk, principal=actor)
    check(order)
    if order.status not in OPEN or order.fulfilment_status != Order.FulfilmentStatus.UNFULFILLED:
        raise OrderClosedError(f"It is {order.status} and {order.fulfilment_status}.")
    before, order.note = order.note, note
    order.save(update_fields=["note"])
    note_down(order=order, type="order.note_changed", data={}, actor=actor)
    audit.record(
        actor=actor,
        action="orders.order.note_changed",
        object_type="order",
        object_id=str(order.pk),
        before={"note": before},
        after={"note": note},
    )
    return order_with_lines(order.pk)
