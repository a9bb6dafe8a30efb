"""Query parameters of the list of an order's parcels."""

from __future__ import annotations

from apps.orders.models import Fulfilment
from core.api.typed_filters import NULL, ONE_OF, RANGE, TEXT, TIME, Typed, TypedFilterSet, choice


class FulfilmentFilter(TypedFilterSet):
    typed = (
        Typed("state", choice(Fulfilment.State.values), ONE_OF),
        Typed("carrier", TEXT, ONE_OF),
        Typed("tracking_number", TEXT, ONE_OF),
        Typed("created_at", TIME, RANGE),
        Typed("delivered_at", TIME, RANGE + NULL),
    )
