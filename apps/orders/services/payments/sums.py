"""What an order has been paid, added up from its intents and refunds."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Sum

from apps.orders.models import PaymentIntent, Refund
from apps.orders.services.payments.statuses import Attempt, Status, payment_status_of

if TYPE_CHECKING:
    from apps.orders.models import Order

COLUMNS = ("captured", "refunded", "payment_status")


def sum_up(order: Order) -> bool:
    """Write `captured`, `refunded` and `payment_status` of an order whose lock the caller holds.

    Returns:
        Whether anything has changed; the order in memory has it too.
    """
    intents = list(PaymentIntent.objects.filter(order=order).order_by("pk"))
    captured = sum((each.captured for each in intents), Decimal(0))
    refunded = _refunded(order)
    status = payment_status_of(
        total=order.total,
        captured=captured,
        refunded=refunded,
        attempts=[_attempt(each) for each in intents],
    )
    found = (captured, refunded, str(status))
    if found == tuple(getattr(order, column) for column in COLUMNS):
        return False
    order.captured, order.refunded, order.payment_status = found
    order.save(update_fields=COLUMNS)
    return True


def _refunded(order: Order) -> Decimal:
    """What has arrived; what is under way is in its intent's `refunded` alone."""
    rows = Refund.objects.filter(order=order, status=Refund.Status.SUCCEEDED)
    found: Decimal | None = rows.aggregate(sum=Sum("amount"))["sum"]
    return found or Decimal(0)


def _attempt(intent: PaymentIntent) -> Attempt:
    return Attempt(Status(intent.status), intent.amount, intent.last_error is not None)
