"""The first half of every refund: its amount is taken from its payment, and a call is owed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F

from apps.orders.errors.payments import RefundExceedsCapturedError, RefundExceedsLinesError
from apps.orders.models import OrderLine, PaymentIntent, Refund, RefundLine
from apps.orders.services.payments.owing import Kind, owe_call
from apps.orders.services.timeline import note
from core import audit
from core.money import money_document

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from apps.orders.models import Order
    from apps.orders.services.refunds.pricing import PricedRefundLine
    from core.audit import Actor

Reason = Refund.Reason


def start_refund(  # noqa: PLR0913 - a refund has that many parts
    *,
    order: Order,
    intent: PaymentIntent,
    amount: Decimal,
    reason: str,
    actor: Actor,
    by_caller: bool,
    now: datetime,
    note_text: str = "",
    lines: Sequence[PricedRefundLine] = (),
) -> Refund:
    """Set an amount aside and owe the call that gives it back. Caller holds both locks.

    Args:
        order: that was paid.
        intent: by which payment.
        amount: what is given back, above 0.
        reason: of Refund.Reason; anything else is `cancelled`.
        actor: who gives it back; None: the platform.
        by_caller: whoever has asked makes the call themselves; else a task is sent.
        now: aware, UTC.
        note_text: in the actor's words; the shop's alone, for the audit trail and internally in
            the order's timeline.
        lines: which pieces it is for.

    Raises:
        RefundExceedsCapturedError, RefundExceedsLinesError.
    """
    _set_aside(intent, amount)
    refund: Refund = Refund.objects.create(
        order=order,
        intent=intent,
        amount=amount,
        currency=intent.currency,
        reason=reason if reason in Reason.values else Reason.CANCELLED,
        note=note_text,
        created_by=None if actor is None else actor.user_id,
    )
    _take_pieces(refund, lines)
    owe_call(
        intent=intent,
        kind=Kind.REFUND,
        amount=amount,
        by_caller=by_caller,
        now=now,
        refund=refund,
    )
    _tell(order, refund, actor)
    return refund


def _set_aside(intent: PaymentIntent, amount: Decimal) -> None:
    """The one statement that no two refunds can both pass with the same money."""
    rows = PaymentIntent.objects.filter(pk=intent.pk, captured__gte=F("refunded") + amount)
    if not rows.update(refunded=F("refunded") + amount):
        intent.refresh_from_db(fields=["captured", "refunded"])
        left = money_document(intent.captured - intent.refunded, intent.currency)
        raise RefundExceedsCapturedError(left=left)
    intent.refresh_from_db(fields=["refunded", "row_version", "updated_at"])


def _take_pieces(refund: Refund, lines: Sequence[PricedRefundLine]) -> None:
    for each in lines:
        RefundLine.objects.create(
            refund=refund,
            order_line=each.line,
            quantity=each.quantity,
            amount=each.amount,
            restock=each.restock,
        )
        rows = OrderLine.objects.filter(
            pk=each.line.pk, quantity__gte=F("refunded_quantity") + each.quantity
        )
        if not rows.update(refunded_quantity=F("refunded_quantity") + each.quantity):
            raise RefundExceedsLinesError(lines=[{"line_id": str(each.line.pk)}])


def facts_of(refund: Refund) -> dict[str, Any]:
    """What timeline and audit say of a refund."""
    return {
        "refund_id": str(refund.pk),
        "payment_id": str(refund.intent_id),
        "amount": money_document(refund.amount, refund.currency),
        "reason": str(refund.reason),
    }


def _tell(order: Order, refund: Refund, actor: Actor) -> None:
    note(order=order, type="refund.created", data=facts_of(refund), actor=actor)
    if refund.note:
        words = {"refund_id": str(refund.pk), "note": refund.note}
        note(order=order, type="refund.note", data=words, actor=actor, is_internal=True)
    audit.record(
        actor=actor,
        action="orders.refund.created",
        object_type="order",
        object_id=str(order.pk),
        before=None,
        after=facts_of(refund),
        reason=refund.note,
    )
