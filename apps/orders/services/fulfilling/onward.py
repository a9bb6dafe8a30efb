"""An order goes on without a parcel: somebody begins to pack it, or closes what is left of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from apps.orders.errors import NotFulfilledError
from apps.orders.models import Order, OrderLine
from apps.orders.selectors.orders import order_with_lines
from apps.orders.services.fulfilling.states import owed
from apps.orders.services.locking import caller_of, lock_order
from apps.orders.services.machine import check_may_move, move
from apps.products.services.stock import Reference, release

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from core.audit import Actor

Status = Order.Status


@transaction.atomic
def process_order(
    *,
    order_id: UUID,
    actor: Actor,
    now: datetime,
    check: Callable[[Order], None] | None = None,
) -> Order:
    """Say that a confirmed order is being packed: from now on its buyer cannot cancel it.

    Raises OrderNotFoundError, InvalidTransitionError.
    """
    order = lock_order(order_id, principal=caller_of(actor))
    if check is not None:
        check(order)
    move(order_id=order.pk, to=Status.PROCESSING, actor=actor, now=now)
    return order_with_lines(order.pk)


@transaction.atomic
def complete_order(
    *,
    order_id: UUID,
    actor: Actor,
    now: datetime,
    check: Callable[[Order], None] | None = None,
) -> Order:
    """Close an order of which some has left and the rest, refunded, never will.

    What was held for the rest is free again. An order whose last piece leaves closes by itself.
    Pieces that cost nothing, and those of an order whose whole money is back, are owed to nobody.

    Raises:
        OrderNotFoundError, InvalidTransitionError.
        NotFulfilledError: something is neither sent nor refunded, or nothing was sent at all.
    """
    order = lock_order(order_id, principal=caller_of(actor))
    if check is not None:
        check(order)
    check_may_move(order, Status.COMPLETED)
    _check_nothing_owed(order)
    move(order_id=order.pk, to=Status.COMPLETED, actor=actor, now=now)
    release(reference=Reference(type="order", id=order.pk), actor=actor)
    return order_with_lines(order.pk)


def _check_nothing_owed(order: Order) -> None:
    lines = list(OrderLine.objects.filter(order=order).order_by("position"))
    open_lines = [
        {"line_id": str(line.pk), "owed": pieces}
        for line in lines
        if (pieces := owed(line)) and _costs(line)
    ]
    if open_lines and order.payment_status != Order.PaymentStatus.REFUNDED:
        raise NotFulfilledError("Pieces are neither sent nor refunded.", lines=open_lines)
    if not any(line.fulfilled_quantity for line in lines):
        raise NotFulfilledError("Nothing of it has left: cancel it instead.", lines=[])


def _costs(line: OrderLine) -> bool:
    """Whether anything was to be paid for it: of the rest nothing can be given back."""
    cost = line.line_total - line.discount + line.tax
    return bool(cost > 0)
