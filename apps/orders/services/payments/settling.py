"""What follows for an order when its payments have changed: confirmed, paid, or given back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.orders.models import Order, OrderLine
from apps.orders.services.announcing import announce
from apps.orders.services.machine import move
from apps.orders.services.payments.facts import note_behaviour
from apps.orders.services.payments.statuses import GIVEN_UP
from apps.orders.services.payments.sums import sum_up
from apps.orders.services.payments.undoing import undo_late_payments
from apps.orders.services.timeline import note
from apps.products.services import stock
from apps.products.services.purchases import PurchasedLine, record_purchases
from core.money import money_document

if TYPE_CHECKING:
    from datetime import datetime

    from core.audit import Actor

Paid = Order.PaymentStatus

CONFIRMING = (Paid.AUTHORIZED, Paid.PAID)


def payments_changed(*, order: Order, actor: Actor, now: datetime) -> None:
    """Add up what an order has been paid, and do what follows from it.

    A pending order whose money is there, or promised, is confirmed: its stock is committed, and its
    buyer has bought. Money that comes for an order that was given up goes back.

    Args:
        order: whose lock the caller holds; afterwards it is as it stands in the database.
        actor: who confirms it thereby; None: the platform, on a provider's word.
        now: aware, UTC.
    """
    was_paid = order.payment_status
    sum_up(order)
    is_paid_now = order.payment_status == Paid.PAID != was_paid
    if order.status in GIVEN_UP:
        _give_back(order, now)
        return
    confirms = order.status == Order.Status.PENDING and order.payment_status in CONFIRMING
    if confirms:
        move(order_id=order.pk, to=Order.Status.CONFIRMED, actor=actor, now=now)
        order.refresh_from_db()
        _note_purchases(order, now)
    if is_paid_now:
        _tell_paid(order, actor)
    if confirms:  # last, since it locks rows that others wait for
        stock.commit(reference=stock.Reference("order", order.pk), actor=actor)


def _note_purchases(order: Order, now: datetime) -> None:
    lines = OrderLine.objects.filter(order=order).order_by("position")
    record_purchases(
        buyer_id=order.user_id,
        lines=[PurchasedLine(line.pk, line.product_id, line.quantity) for line in lines],
        purchased_at=now,
    )


def _tell_paid(order: Order, actor: Actor) -> None:
    captured = money_document(order.captured, order.currency)
    note(order=order, type="order.paid", data={"captured": captured}, actor=actor)
    announce("order.paid", order=order, actor=actor, captured=captured)
    note_behaviour("Order Completed", order, {"value": captured["amount"]})


def _give_back(order: Order, now: datetime) -> None:
    if undo_late_payments(order=order, now=now):
        data = {"captured": money_document(order.captured, order.currency)}
        note(order=order, type="payment.late", data=data, actor=None, is_internal=True)
    sum_up(order)
