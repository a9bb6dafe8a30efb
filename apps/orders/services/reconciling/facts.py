"""All that other tables say about some orders, in a fixed number of statements."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apps.orders.models import (
    CouponUse,
    FulfilmentLine,
    Order,
    OrderLine,
    PaymentIntent,
    ProviderCall,
    Refund,
    RefundLine,
)
from apps.products.selectors.stock import held_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from apps.products.selectors.stock import Held


@dataclass(slots=True)
class OrderFacts:
    """An order, and what has to agree with it.

    Attributes:
        order: the row.
        lines: in no order.
        sent: pieces in parcels, by line.
        refunded: pieces in refunds that have not failed, by line.
        returned: pieces that went back into stock, by line; also where the refund has failed.
        intents: of payment, the oldest first.
        refunds: of any state.
        calls: to providers, whose outcome is not known.
        coupon_use: the one it had, given back or not.
        held: what stock holds for it, by variant; a variant that was never held is missing.
    """

    order: Order
    lines: list[OrderLine] = field(default_factory=list)
    sent: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    refunded: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    returned: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    intents: list[PaymentIntent] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    calls: list[ProviderCall] = field(default_factory=list)
    coupon_use: CouponUse | None = None
    held: dict[UUID, Held] = field(default_factory=dict)


def facts_of(orders: Sequence[Order]) -> list[OrderFacts]:
    """Those of each order, in their order. Nine statements, each with its own view of the world."""
    found = {order.pk: OrderFacts(order) for order in orders}
    _add_lines(found)
    _add_money(found)
    for use in CouponUse.objects.filter(order__in=list(found)):
        found[use.order_id].coupon_use = use
    for (order_id, variant_id), held in held_for(
        reference_type="order", reference_ids=list(found)
    ).items():
        found[order_id].held[variant_id] = held
    return list(found.values())


def _add_lines(found: dict[UUID, OrderFacts]) -> None:
    for line in OrderLine.objects.filter(order__in=list(found)):
        found[line.order_id].lines.append(line)
    sent = FulfilmentLine.objects.filter(fulfilment__order__in=list(found))
    for order_id, line_id, quantity in sent.values_list(
        "fulfilment__order", "order_line", "quantity"
    ):
        found[order_id].sent[line_id] += quantity
    refunded = RefundLine.objects.filter(refund__order__in=list(found)).select_related("refund")
    for piece in refunded:
        facts = found[piece.refund.order_id]
        if piece.refund.status != Refund.Status.FAILED:
            facts.refunded[piece.order_line_id] += piece.quantity
        if piece.restock:
            facts.returned[piece.order_line_id] += piece.quantity


def _add_money(found: dict[UUID, OrderFacts]) -> None:
    for intent in PaymentIntent.objects.filter(order__in=list(found)).order_by("pk"):
        found[intent.order_id].intents.append(intent)
    for refund in Refund.objects.filter(order__in=list(found)):
        found[refund.order_id].refunds.append(refund)
    pending = ProviderCall.objects.filter(
        intent__order__in=list(found), state=ProviderCall.State.PENDING
    ).select_related("intent")
    for call in pending:
        found[call.intent.order_id].calls.append(call)
