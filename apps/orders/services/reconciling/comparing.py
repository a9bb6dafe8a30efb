"""What an order says against what everything else says: pure, no query."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from django.conf import settings

from apps.orders.models import OPEN, Order, PaymentIntent, ProviderCall, Refund
from apps.orders.services.fulfilling.states import fulfilment_status_of
from apps.orders.services.payments.statuses import GIVEN_UP, Attempt, payment_status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from apps.orders.services.reconciling.facts import OrderFacts

Status = Order.Status
Finding: TypeAlias = dict[str, Any]
Difference: TypeAlias = tuple[str, object, object]
"""A kind, what stands there, and what should."""

STUCK_SECONDS: Final = 3_600  # pending beyond its time, and the grace of its payment, by so much
CALL_SECONDS: Final = 3_600  # since a provider's call was written whose outcome is not known


def findings_of(facts: OrderFacts, *, now: datetime) -> list[Finding]:
    """Every disagreement about an order, as documents; none: all is well."""
    order = facts.order
    return [
        {
            "kind": kind,
            "order_id": str(order.pk),
            "number": str(order.number),
            "is": str(present),
            "should_be": str(expected),
        }
        for compare in COMPARISONS
        for kind, present, expected in compare(facts, now)
        if present != expected
    ]


def _sums(facts: OrderFacts, now: datetime) -> Iterator[Difference]:  # noqa: ARG001 - all alike
    order, lines = facts.order, facts.lines
    yield "subtotal", order.subtotal, _sum(line.line_total for line in lines)
    yield "discount", order.discount, _sum(line.discount for line in lines)


def _pieces(facts: OrderFacts, now: datetime) -> Iterator[Difference]:  # noqa: ARG001 - all alike
    for line in facts.lines:
        yield "fulfilled_quantity", line.fulfilled_quantity, facts.sent.get(line.pk, 0)
        yield "refunded_quantity", line.refunded_quantity, facts.refunded.get(line.pk, 0)
        yield "returned_quantity", line.returned_quantity, facts.returned.get(line.pk, 0)
    derived = fulfilment_status_of(facts.lines)
    yield "fulfilment_status", facts.order.fulfilment_status, str(derived)


def _money(facts: OrderFacts, now: datetime) -> Iterator[Difference]:  # noqa: ARG001 - all alike
    order, refunds = facts.order, facts.refunds
    captured = _sum(intent.captured for intent in facts.intents)
    arrived = [refund for refund in refunds if refund.status == Refund.Status.SUCCEEDED]
    refunded = _sum(refund.amount for refund in arrived)
    yield "captured", order.captured, captured
    yield "refunded", order.refunded, refunded
    derived = payment_status_of(
        total=order.total,
        captured=captured,
        refunded=refunded,
        attempts=[_attempt(intent) for intent in facts.intents],
    )
    yield "payment_status", order.payment_status, str(derived)
    for intent in facts.intents:
        yield "intent_refunded", intent.refunded, _on_the_way(intent, refunds)


def _given_up(facts: OrderFacts, now: datetime) -> Iterator[Difference]:
    """What came to nothing keeps no money, and nothing that may still bring some."""
    order = facts.order
    if order.status not in GIVEN_UP:
        return
    yield "money_kept", _sum(each.captured - each.refunded for each in facts.intents), Decimal(0)
    ended_at = order.cancelled_at or order.expires_at or order.placed_at
    is_old = ended_at + timedelta(seconds=CALL_SECONDS) < now
    for intent in facts.intents:
        if intent.status in OPEN and (is_old or not _has_call(facts, intent)):
            yield "payment_open", intent.status, "cancelled"


def _has_call(facts: OrderFacts, intent: PaymentIntent) -> bool:
    """Whether a provider is being asked about a payment itself."""
    calls = [call for call in facts.calls if call.kind != ProviderCall.Kind.REFUND]
    return any(call.intent_id == intent.pk for call in calls)


def _stock(facts: OrderFacts, now: datetime) -> Iterator[Difference]:  # noqa: ARG001 - all alike
    """Of variants that were ever held for it: of the others nothing is counted."""
    for line in facts.lines:
        held = None if line.variant_id is None else facts.held.get(line.variant_id)
        if held is None:
            continue
        left = line.quantity - line.fulfilled_quantity
        status = facts.order.status
        yield "stock_active", held.active, left if status == Status.PENDING else 0
        is_packed = status in (Status.CONFIRMED, Status.PROCESSING)
        yield "stock_committed", held.committed, left if is_packed else 0


def _coupon(facts: OrderFacts, now: datetime) -> Iterator[Difference]:  # noqa: ARG001 - all alike
    use = facts.coupon_use
    if use is not None:
        came_to_nothing = facts.order.status in (Status.CANCELLED, Status.EXPIRED)
        yield "coupon_returned", use.returned_at is not None, came_to_nothing


def _waiting(facts: OrderFacts, now: datetime) -> Iterator[Difference]:
    order = facts.order
    patience = timedelta(seconds=settings.ORDER_PAYMENT_GRACE_SECONDS + STUCK_SECONDS)
    if order.status == Status.PENDING and order.expires_at is not None:
        is_stuck = order.expires_at + patience < now
        yield "pending", order.status, Status.EXPIRED if is_stuck else order.status
    for intent in facts.intents:
        if intent.status == PaymentIntent.Status.PROCESSING and order.status not in GIVEN_UP:
            yield "payment_asked", _has_call(facts, intent), True
    for call in facts.calls:
        is_old = call.created_at + timedelta(seconds=CALL_SECONDS) < now
        yield "provider_call", call.state, "done" if is_old else call.state


def _attempt(intent: PaymentIntent) -> Attempt:
    status = PaymentIntent.Status(intent.status)
    return Attempt(status, intent.amount, has_failed=intent.last_error is not None)


def _on_the_way(intent: PaymentIntent, refunds: list[Refund]) -> Decimal:
    return _sum(
        refund.amount
        for refund in refunds
        if refund.intent_id == intent.pk and refund.status != Refund.Status.FAILED
    )


def _sum(amounts: Iterator[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


COMPARISONS: Final[tuple[Callable[[OrderFacts, datetime], Iterator[Difference]], ...]] = (
    _sums,
    _pieces,
    _money,
    _given_up,
    _stock,
    _coupon,
    _waiting,
)
