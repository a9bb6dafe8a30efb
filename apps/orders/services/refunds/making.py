"""Giving money back as somebody asks: an amount, pieces of lines, or all that is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Sum

from apps.orders.errors.payments import InvalidRefundError, RefundExceedsCapturedError
from apps.orders.models import OrderLine, PaymentIntent
from apps.orders.services.fulfilling import rederive_fulfilment
from apps.orders.services.locking import caller_of, lock_order
from apps.orders.services.payments.statuses import Status
from apps.orders.services.refunds.pricing import price_lines, price_rest
from apps.orders.services.refunds.starting import start_refund
from apps.products.services import stock
from core.db.locks import lock_in_order
from core.errors import FieldError
from core.money import Money, money_document

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    from apps.orders.models import Order, Refund
    from apps.orders.services.refunds.pricing import PricedRefundLine, RefundedLine
    from core.audit import Actor


@transaction.atomic
def refund_order(  # noqa: PLR0913 - a refund has that many parts
    *,
    order_id: UUID,
    amount: Money | None,
    lines: Sequence[RefundedLine],
    reason: str,
    actor: Actor,
    now: datetime,
    note: str = "",
    check: Callable[[Order], None] | None = None,
    by_caller: bool = False,
) -> Refund:
    """Begin to give back an amount, the pieces of some lines, or everything that is left.

    Whoever gives back everything that is left refunds all pieces with it: none of them is owed.

    The amount is set aside at once, so that nobody can give it back twice; the provider is called
    after the commit. What has come back goes into stock now, whatever becomes of the money.

    Args:
        order_id: of which order.
        amount: in the order's currency; None: what the lines come to, or all that is left.
        lines: pieces; not together with an amount.
        reason: of Refund.Reason.
        actor: who gives it back.
        now: aware, UTC.
        note: in their words, at most 500 characters; the buyer does not see it.
        check: called with the locked order, to raise when the caller has seen an older one.
        by_caller: whoever asks makes the call themselves (`payments.finishing`); else a task does.

    Raises:
        OrderNotFoundError, InvalidRefundError, RefundExceedsCapturedError, RefundExceedsLinesError.
    """
    order = lock_order(order_id, principal=caller_of(actor))
    if check is not None:
        check(order)
    intent = _paid_intent(order)
    priced = price_lines(order, lines)
    given = _amount(order, intent, amount, priced)
    if not lines and given == _left(order):
        priced = price_rest(order, given)
    refund = start_refund(
        order=order,
        intent=intent,
        amount=given,
        reason=reason,
        note_text=note,
        actor=actor,
        by_caller=by_caller,
        now=now,
        lines=priced,
    )
    _take_back(order, refund, [each for each in priced if each.restock], actor)
    return refund


def _paid_intent(order: Order) -> PaymentIntent:
    """The payment that has brought the money; of several, the one with most of it left.

    Raises:
        RefundExceedsCapturedError: none has.
    """
    rows = PaymentIntent.objects.filter(order=order, status=Status.SUCCEEDED)
    locked = lock_in_order(rows, no_key=True)
    found = max(locked, key=lambda each: each.captured - each.refunded, default=None)
    if found is None:
        nothing = money_document(order.captured - order.captured, order.currency)
        raise RefundExceedsCapturedError("Nothing was paid.", left=nothing)
    return found


def _left(order: Order) -> Decimal | None:
    """What was taken for an order and is not on its way back."""
    rows = PaymentIntent.objects.filter(order=order)
    found: Decimal | None = rows.aggregate(sum=Sum(F("captured") - F("refunded")))["sum"]
    return found


def _amount(
    order: Order, intent: PaymentIntent, amount: Money | None, lines: Sequence[PricedRefundLine]
) -> Decimal:
    if amount is not None:
        return _checked(order, amount)
    left = intent.captured - intent.refunded
    wanted = sum((each.amount for each in lines), left - left) if lines else left
    if lines and wanted == 0:
        _refuse("nothing_to_refund", "These pieces cost nothing.", "#/lines")
    if wanted == 0:
        raise RefundExceedsCapturedError(left=money_document(left, intent.currency))
    return wanted


def _checked(order: Order, amount: Money) -> Decimal:
    if amount.currency != order.currency:
        _refuse("other_currency", f"The order is in {order.currency}.", "#/amount/currency")
    if amount.amount <= 0:
        _refuse("min_value", "More than nothing.", "#/amount/amount")
    return amount.amount


def _refuse(code: str, detail: str, pointer: str) -> None:
    raise InvalidRefundError(detail, errors=(FieldError(code, detail, pointer),))


def _take_back(
    order: Order, refund: Refund, returned: Sequence[PricedRefundLine], actor: Actor
) -> None:
    """Put pieces that have come back into stock: last, since it locks hot rows."""
    if not returned:
        return
    for each in returned:
        rows = OrderLine.objects.filter(pk=each.line.pk)
        rows.update(returned_quantity=F("returned_quantity") + each.quantity)
    rederive_fulfilment(order=order)
    lines = [
        stock.StockLine(each.line.variant_id, each.quantity)
        for each in returned
        if each.line.variant_id is not None  # what is no more in the catalogue has no stock
    ]
    reference = stock.Reference("order", order.pk)
    stock.restock(reference=reference, lines=lines, actor=actor, note=f"Refund {refund.pk}")
