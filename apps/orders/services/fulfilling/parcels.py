"""A parcel leaves the house: with all that is left of an order, or with some of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Sum

from apps.orders.errors import InvalidFulfilmentError, NotPaidError, TooManyPiecesError
from apps.orders.models import Fulfilment, FulfilmentLine, Order, OrderLine, PaymentIntent
from apps.orders.selectors.fulfilments import fulfilment_with_contents
from apps.orders.services.announcing import announce
from apps.orders.services.fulfilling.states import is_all_sent, left_to_send, rederive_fulfilment
from apps.orders.services.locking import caller_of, lock_order
from apps.orders.services.machine import check_may_move, move
from apps.orders.services.timeline import note
from apps.products.services.stock import Reference, StockLine, ship
from core import audit
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from uuid import UUID

    from core.audit import Actor

Status = Order.Status


@dataclass(frozen=True, slots=True)
class FulfilledLine:
    """Pieces of one line of an order that a parcel holds."""

    order_line_id: UUID
    quantity: int


@transaction.atomic
def fulfil_order(  # noqa: PLR0913 - a parcel has that many parts
    *,
    order_id: UUID,
    lines: Sequence[FulfilledLine] | None,
    carrier: str = "",
    tracking_number: str = "",
    tracking_url: str = "",
    actor: Actor,
    now: datetime,
    check: Callable[[Order], None] | None = None,
) -> Fulfilment:
    """Note that a parcel has left, and take what is in it off the stock.

    The first parcel of a confirmed order brings it to processing, the one with the last of it to
    completed. Two parcels at once never hold more than was ordered: each line is counted by a
    conditional UPDATE, and a constraint stands behind it.

    Args:
        order_id: which.
        lines: what is in the parcel; None: all that is left to send.
        carrier: e.g. "DHL"; may be empty, as the two below.
        tracking_number: as the carrier calls it.
        tracking_url: https, checked by the door.
        actor: staff, or an application with orders:manage.
        now: aware, UTC.
        check: called with the locked order, to raise when the caller has seen an older one.

    Raises:
        OrderNotFoundError.
        InvalidTransitionError: the order is not confirmed, or has ended.
        NotPaidError: not all that it costs was taken, or all of that goes back.
        InvalidFulfilmentError: a line that is not of this order, or is named twice.
        TooManyPiecesError: more than is left.
    """
    order = lock_order(order_id, principal=caller_of(actor))
    if check is not None:
        check(order)
    _check_ready(order)
    packed = _packed(order, lines)
    parcel: Fulfilment = Fulfilment.objects.create(
        order=order,
        carrier=carrier,
        tracking_number=tracking_number,
        tracking_url=tracking_url,
        created_by=None if actor is None else actor.user_id,
    )
    _pack(parcel, packed)
    _tell(order, parcel, packed, actor, now)
    _take_off_stock(order, packed, actor)
    return fulfilment_with_contents(parcel.pk)


def _check_ready(order: Order) -> None:
    if order.status != Status.PROCESSING:
        check_may_move(order, Status.PROCESSING)
    if not order.total:
        return
    status = order.payment_status
    if order.captured < order.total:
        words = f"Order {order.number} is {status}: not all that it costs was taken."
        raise NotPaidError(words, payment_status=status)
    if not _keeps_money(order):
        words = f"All that was paid for order {order.number} goes back."
        raise NotPaidError(words, payment_status=status)


def _keeps_money(order: Order) -> bool:
    """Whether some of what was taken stays; what is on its way back does not."""
    kept = PaymentIntent.objects.filter(order=order).aggregate(
        sum=Sum(F("captured") - F("refunded"))
    )
    return bool(kept["sum"])


def _packed(order: Order, wanted: Sequence[FulfilledLine] | None) -> dict[OrderLine, int]:
    """Pieces by line. Caller holds the lock on the order."""
    lines = {line.pk: line for line in OrderLine.objects.filter(order=order).order_by("pk")}
    if wanted is None:
        packed = {line: left for line in lines.values() if (left := left_to_send(line))}
        if not packed:
            raise TooManyPiecesError("Nothing of the order is left to send.", lines=[])
        return packed
    _check_lines(lines, wanted)
    packed = {lines[line.order_line_id]: line.quantity for line in wanted}
    _check_left(packed)
    return packed


def _check_lines(lines: dict[UUID, OrderLine], wanted: Sequence[FulfilledLine]) -> None:
    faults, seen = [], set()
    for place, line in enumerate(wanted):
        pointer = f"#/lines/{place}/line_id"
        if line.order_line_id not in lines:
            faults.append(FieldError("unknown", "The order has no such line.", pointer=pointer))
        elif line.order_line_id in seen:
            faults.append(FieldError("duplicate", "Name each line once.", pointer=pointer))
        seen.add(line.order_line_id)
    if faults:
        raise InvalidFulfilmentError(faults[0].detail, errors=tuple(faults))


def _check_left(packed: dict[OrderLine, int]) -> None:
    failing = [
        {"line_id": str(line.pk), "requested": quantity, "left": left_to_send(line)}
        for line, quantity in packed.items()
        if quantity > left_to_send(line)
    ]
    if failing:
        raise TooManyPiecesError("Less is left to send than the parcel holds.", lines=failing)


def _pack(parcel: Fulfilment, packed: dict[OrderLine, int]) -> None:
    FulfilmentLine.objects.bulk_create(
        FulfilmentLine(fulfilment=parcel, order_line=line, quantity=quantity)
        for line, quantity in packed.items()
    )
    for line, quantity in packed.items():
        room = OrderLine.objects.filter(
            pk=line.pk, fulfilled_quantity__lte=F("quantity") - quantity
        )
        if not room.update(fulfilled_quantity=F("fulfilled_quantity") + quantity):
            raise TooManyPiecesError(f"Less than {quantity} of {line.sku} are left.", lines=[])


def _tell(
    order: Order, parcel: Fulfilment, packed: dict[OrderLine, int], actor: Actor, now: datetime
) -> None:
    """Status, timeline, events and audit entry, in the order of what happened."""
    data = {"fulfilment_id": str(parcel.pk)}
    rederive_fulfilment(order=order)
    if order.status == Status.CONFIRMED:
        order = move(order_id=order.pk, to=Status.PROCESSING, actor=actor, now=now, data=data)
    data |= {"carrier": parcel.carrier, "tracking_number": parcel.tracking_number}
    contents = [
        {"line_id": str(line.pk), "quantity": quantity} for line, quantity in packed.items()
    ]
    note(order=order, type="order.fulfilled", data={**data, "lines": contents}, actor=actor)
    announce("order.fulfilled", order=order, actor=actor, **data, lines=contents)
    audit.record(
        actor=actor,
        action="orders.fulfilment.created",
        object_type="order",
        object_id=str(order.pk),
        before=None,
        after={**data, "lines": contents},
    )
    if is_all_sent(OrderLine.objects.filter(order=order)):
        move(order_id=order.pk, to=Status.COMPLETED, actor=actor, now=now)


def _take_off_stock(order: Order, packed: dict[OrderLine, int], actor: Actor) -> None:
    """Last, since it takes the locks that others wait for most."""
    pieces = [
        StockLine(variant_id=line.variant_id, quantity=quantity)
        for line, quantity in packed.items()
        if line.variant_id is not None  # of a variant that is gone there is no stock
    ]
    ship(reference=Reference(type="order", id=order.pk), lines=pieces, actor=actor)
