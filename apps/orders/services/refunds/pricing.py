"""What pieces of a line come to when they are given back, to the last minor unit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import F, Sum

from apps.orders.errors.payments import InvalidRefundError, RefundExceedsLinesError
from apps.orders.models import OrderLine, Refund, RefundLine
from core.errors import FieldError
from core.money import rounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from apps.orders.models import Order


@dataclass(frozen=True, slots=True)
class RefundedLine:
    """Pieces of a line that are to be refunded.

    Attributes:
        restock: they have come back and go into stock again.
    """

    order_line_id: UUID
    quantity: int
    restock: bool = False


@dataclass(frozen=True, slots=True)
class PricedRefundLine:
    """The same with the line, and what the pieces come to."""

    line: OrderLine
    quantity: int
    amount: Decimal
    restock: bool


def line_sum(line: OrderLine) -> Decimal:
    """What a line came to: its price, less its share of the discount, plus its share of tax."""
    found: Decimal = line.line_total - line.discount + line.tax
    return found


def amount_of(line: OrderLine, quantity: int, already: Decimal) -> Decimal:
    """What so many more pieces of a line come to.

    Always what the pieces given back so far and these come to together, less what was given back:
    the last piece gets what is left, so that all of them add up to the line, in whatever order and
    however many of them have failed and been repeated.

    Args:
        line: with `refunded_quantity` as it is before.
        quantity: of the pieces, at most what is left.
        already: what was given back of the line so far.
    """
    pieces = line.refunded_quantity + quantity
    share = line_sum(line) * pieces / line.quantity
    return max(rounded(share, line.order.currency) - already, Decimal(0))


def price_lines(order: Order, wanted: Sequence[RefundedLine]) -> list[PricedRefundLine]:
    """The lines with their amounts. Caller holds the order's lock.

    Raises:
        InvalidRefundError: a line that is not of this order, or one twice.
        RefundExceedsLinesError: more pieces than are left.
    """
    lines = {line.pk: line for line in OrderLine.objects.filter(order=order).order_by("position")}
    _check_known(wanted, lines)
    _check_left(wanted, lines)
    already = _already(order)
    priced = []
    for each in wanted:
        line = lines[each.order_line_id]
        line.order = order
        amount = amount_of(line, each.quantity, already.get(line.pk, Decimal(0)))
        priced.append(PricedRefundLine(line, each.quantity, amount, each.restock))
    return priced


def price_rest(order: Order, left: Decimal) -> list[PricedRefundLine]:
    """All pieces that are not refunded yet, when all the money that is left is given back.

    Together they come to `left` at most: some of what they cost may be back already. Caller holds
    the order's lock.
    """
    rows = OrderLine.objects.filter(order=order, refunded_quantity__lt=F("quantity"))
    rest = [RefundedLine(line.pk, _refundable(line)) for line in rows.order_by("position")]
    priced = []
    for each in price_lines(order, rest):
        amount = min(each.amount, left)
        left -= amount
        priced.append(replace(each, amount=amount))
    return priced


def _check_known(wanted: Sequence[RefundedLine], lines: Mapping[UUID, OrderLine]) -> None:
    seen: set[UUID] = set()
    faults = []
    for index, each in enumerate(wanted):
        pointer = f"#/lines/{index}/line_id"
        if each.order_line_id not in lines:
            faults.append(FieldError("unknown_line", "The order has no such line.", pointer))
        elif each.order_line_id in seen:
            faults.append(FieldError("duplicate_line", "It stands here twice.", pointer))
        seen.add(each.order_line_id)
    if faults:
        raise InvalidRefundError(errors=tuple(faults))


def _check_left(wanted: Sequence[RefundedLine], lines: Mapping[UUID, OrderLine]) -> None:
    failing = [
        {
            "line_id": str(each.order_line_id),
            "requested": each.quantity,
            "refundable": _refundable(lines[each.order_line_id]),
            "returnable": _returnable(lines[each.order_line_id]),
        }
        for each in wanted
        if not _is_left(each, lines[each.order_line_id])
    ]
    if failing:
        raise RefundExceedsLinesError(lines=failing)


def _is_left(wanted: RefundedLine, line: OrderLine) -> bool:
    comes_back = not wanted.restock or wanted.quantity <= _returnable(line)
    return wanted.quantity <= _refundable(line) and comes_back


def _refundable(line: OrderLine) -> int:
    return line.quantity - line.refunded_quantity


def _returnable(line: OrderLine) -> int:
    return line.fulfilled_quantity - line.returned_quantity


def _already(order: Order) -> dict[UUID, Decimal]:
    """What was given back, or is on its way, by line."""
    rows = RefundLine.objects.filter(refund__order=order)
    rows = rows.exclude(refund__status=Refund.Status.FAILED)
    sums: Iterable[tuple[UUID, Decimal]] = rows.values_list("order_line_id").annotate(
        sum=Sum("amount")
    )
    return dict(sums)
