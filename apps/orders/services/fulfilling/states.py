"""What of an order has left the house, derived from its lines: never set by anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from apps.orders.models import Order, OrderLine

if TYPE_CHECKING:
    from collections.abc import Iterable

Status = Order.FulfilmentStatus


class Pieces(Protocol):
    """The counts of an order's line."""

    @property
    def quantity(self) -> int: ...
    @property
    def fulfilled_quantity(self) -> int: ...
    @property
    def refunded_quantity(self) -> int: ...
    @property
    def returned_quantity(self) -> int: ...


def fulfilment_status_of(lines: Iterable[Pieces]) -> Order.FulfilmentStatus:
    """The fulfilment status of an order with these lines.

    Something that has come back outweighs what is still to leave: the order is `returned` when all
    that left is back, whether or not all of it had left.
    """
    counted = list(lines)
    ordered = sum(line.quantity for line in counted)
    sent = sum(line.fulfilled_quantity for line in counted)
    returned = sum(line.returned_quantity for line in counted)
    if sent == 0:
        return Status.UNFULFILLED
    if returned:
        return Status.RETURNED if returned == sent else Status.PARTIALLY_RETURNED
    return Status.FULFILLED if sent == ordered else Status.PARTIALLY_FULFILLED


def left_to_send(line: Pieces) -> int:
    """Pieces of a line that may still be sent.

    What was refunded beyond what had left was refunded before it left, and is not sent. Of the rest
    nobody knows whether the refund was for a piece that had left or for one that had not.
    """
    refunded_unsent = max(0, line.refunded_quantity - line.fulfilled_quantity)
    return line.quantity - line.fulfilled_quantity - refunded_unsent


def owed(line: Pieces) -> int:
    """Pieces that have neither left nor been paid back: what keeps an order from being closed."""
    return max(0, line.quantity - line.fulfilled_quantity - line.refunded_quantity)


def is_all_sent(lines: Iterable[Pieces]) -> bool:
    """Whether every piece that was ordered has left."""
    return all(line.fulfilled_quantity == line.quantity for line in lines)


def rederive_fulfilment(*, order: Order) -> Order.FulfilmentStatus:
    """Store what the lines say by now, also on `order`. Caller holds the lock on the order."""
    derived = fulfilment_status_of(OrderLine.objects.filter(order=order))
    if derived != order.fulfilment_status:
        Order.objects.filter(pk=order.pk).update(fulfilment_status=derived)
        order.refresh_from_db(fields=["fulfilment_status", "row_version", "updated_at"])
    return derived
