"""Query parameters of the list of reviews."""

from __future__ import annotations

from core.api.typed_filters import ONE_OF, RANGE, TIME, Typed, TypedFilterSet, integer


class ReviewFilter(TypedFilterSet):
    typed = (
        Typed("rating", integer(1, 5), ONE_OF + RANGE),
        Typed("created_at", TIME, RANGE),
    )
