"""Query parameters of the list of coupons."""

from __future__ import annotations

from apps.orders.models import Coupon
from core.api.typed_filters import (
    BOOLEAN,
    EXACT,
    NULL,
    ONE_OF,
    RANGE,
    TEXT,
    TIME,
    Typed,
    TypedFilterSet,
    choice,
)


class CouponFilter(TypedFilterSet):
    typed = (
        Typed("code", TEXT, ONE_OF, about="In capitals."),
        Typed("kind", choice(Coupon.Kind.values), ONE_OF),
        Typed("active", BOOLEAN, EXACT),
        Typed("starts_at", TIME, RANGE + NULL),
        Typed("ends_at", TIME, RANGE + NULL),
        Typed("created_at", TIME, RANGE),
    )
