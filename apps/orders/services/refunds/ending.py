"""The second half of every refund: the provider has said what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F

from apps.orders.models import OrderLine, PaymentIntent, Refund, RefundLine
from apps.orders.services.announcing import announce
from apps.orders.services.payments.facts import note_behaviour
from apps.orders.services.payments.settling import payments_changed
from apps.orders.services.providers.protocol import Said
from apps.orders.services.refunds.starting import facts_of
from apps.orders.services.timeline import note
from apps.products.services.purchases import revoke_purchases
from core.money import money_document

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from apps.orders.models import Order
    from apps.orders.services.providers.protocol import Outcome

Status = Refund.Status


def end_refund(
    *, order: Order, intent: PaymentIntent, refund_id: UUID, outcome: Outcome, now: datetime
) -> None:
    """Write what became of a refund; the second time nothing. Caller holds both locks.

    A refund that failed gives its amount, and its pieces, back to be refunded again; what has come
    back into stock stays there.
    """
    refund = Refund.objects.select_for_update(no_key=True).get(pk=refund_id)
    if refund.status != Status.PENDING:
        return
    refund.provider_reference = outcome.reference or refund.provider_reference
    refund.ended_at = now
    if outcome.said == Said.SUCCEEDED:
        _succeed(order, refund, now)
    else:
        _fail(order, intent, refund, outcome, now)


def _succeed(order: Order, refund: Refund, now: datetime) -> None:
    refund.status = Status.SUCCEEDED
    refund.save(update_fields=["status", "provider_reference", "ended_at"])
    note(order=order, type="refund.succeeded", data=facts_of(refund), actor=None)
    payments_changed(order=order, actor=None, now=now)
    announce(
        "order.refunded",
        order=order,
        actor=None,
        refund_id=str(refund.pk),
        amount=money_document(refund.amount, refund.currency),
        refunded=money_document(order.refunded, order.currency),
    )
    amount = money_document(refund.amount, refund.currency)
    note_behaviour("Order Refunded", order, {"value": amount["amount"]})
    revoke_purchases(order_line_ids=_given_back(order), now=now)


def _fail(
    order: Order, intent: PaymentIntent, refund: Refund, outcome: Outcome, now: datetime
) -> None:
    refund.status = Status.FAILED
    refund.last_error = {"code": outcome.code or "failed", "detail": outcome.detail}
    refund.save(update_fields=["status", "provider_reference", "ended_at", "last_error"])
    PaymentIntent.objects.filter(pk=intent.pk).update(refunded=F("refunded") - refund.amount)
    for line in RefundLine.objects.filter(refund=refund):
        rows = OrderLine.objects.filter(pk=line.order_line_id)
        rows.update(refunded_quantity=F("refunded_quantity") - line.quantity)
    data: dict[str, Any] = {**facts_of(refund), "error": refund.last_error}
    note(order=order, type="refund.failed", data=data, actor=None)
    payments_changed(order=order, actor=None, now=now)


def _given_back(order: Order) -> list[UUID]:
    """Lines that are not bought any more: all their pieces are refunded, or all of the order is."""
    rows = OrderLine.objects.filter(order=order)
    if order.payment_status != order.PaymentStatus.REFUNDED:
        rows = rows.filter(refunded_quantity=F("quantity"))
    return list(rows.values_list("pk", flat=True))
