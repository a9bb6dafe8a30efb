"""Query parameters of the lists of an order's payments and refunds."""

from __future__ import annotations

from apps.orders.models import PaymentIntent, Refund
from core.api.typed_filters import NULL, ONE_OF, RANGE, TEXT, TIME, Typed, TypedFilterSet, choice


class PaymentFilter(TypedFilterSet):
    typed = (
        Typed("status", choice(PaymentIntent.Status.values), ONE_OF),
        Typed("provider", TEXT, ONE_OF),
        Typed("created_at", TIME, RANGE),
        Typed("succeeded_at", TIME, RANGE + NULL),
    )


class RefundFilter(TypedFilterSet):
    typed = (
        Typed("status", choice(Refund.Status.values), ONE_OF),
        Typed("reason", choice(Refund.Reason.values), ONE_OF),
        Typed("created_at", TIME, RANGE),
        Typed("ended_at", TIME, RANGE + NULL),
    )
