"""A parcel arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from apps.orders.errors import AlreadyDeliveredError, FulfilmentNotFoundError
from apps.orders.models import Fulfilment
from apps.orders.selectors.fulfilments import fulfilment_with_contents
from apps.orders.services.announcing import announce
from apps.orders.services.locking import caller_of, lock_order
from apps.orders.services.timeline import note
from core import audit

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from apps.orders.models import Order
    from core.audit import Actor


@transaction.atomic
def mark_delivered(
    *,
    order_id: UUID,
    fulfilment_id: UUID,
    actor: Actor,
    now: datetime,
    check: Callable[[Fulfilment], None] | None = None,
) -> Fulfilment:
    """Note that a parcel has arrived. The order's status does not depend on it.

    Args:
        order_id: whose parcel.
        fulfilment_id: which.
        actor: staff, or an application with orders:manage.
        now: aware, UTC.
        check: called with the locked parcel, to raise when the caller has seen an older one.

    Raises:
        OrderNotFoundError, FulfilmentNotFoundError, AlreadyDeliveredError.
    """
    order = lock_order(order_id, principal=caller_of(actor))
    parcel = _lock_parcel(order, fulfilment_id)
    if check is not None:
        check(parcel)
    if parcel.state == Fulfilment.State.DELIVERED:
        raise AlreadyDeliveredError(f"It was delivered at {parcel.delivered_at}.")
    parcel.state, parcel.delivered_at = Fulfilment.State.DELIVERED, now
    parcel.save(update_fields=["state", "delivered_at"])
    _tell(order, parcel, actor)
    return fulfilment_with_contents(parcel.pk)


def _lock_parcel(order: Order, fulfilment_id: UUID) -> Fulfilment:
    rows = Fulfilment.objects.select_for_update(no_key=True)
    found = rows.filter(order=order, pk=fulfilment_id).first()
    if found is None:
        raise FulfilmentNotFoundError(f"There is no fulfilment {fulfilment_id}.")
    return found


def _tell(order: Order, parcel: Fulfilment, actor: Actor) -> None:
    data = {"fulfilment_id": str(parcel.pk)}
    note(order=order, type="order.delivered", data=data, actor=actor)
    announce("order.delivered", order=order, actor=actor, **data)
    audit.record(
        actor=actor,
        action="orders.fulfilment.delivered",
        object_type="order",
        object_id=str(order.pk),
        before={**data, "state": Fulfilment.State.SHIPPED},
        after={**data, "state": parcel.state},
    )
