"""How many pieces of a variant may be promised: what its stock rows say, as one SQL expression."""

from __future__ import annotations

from typing import Final

from django.db.models import (
    BigIntegerField,
    Case,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Greatest

from apps.products.models import Stock

FREE: Final = Greatest(Cast("on_hand", BigIntegerField()) - F("reserved") - F("safety"), Value(0))
"""Of one stock row: never negative, also when safety was raised above what is there. Three columns
of four bytes each: their difference needs more."""


def available_pieces(variant: str = "pk", *, tracked: str = "track_inventory") -> Case:
    """Pieces available over all active warehouses; NULL: without limit.

    Without limit is what is not tracked, and what an active warehouse takes backorders of. A
    variant without any stock row has 0.

    Args:
        variant: path from the row to the variant's id.
        tracked: path from the row to the variant's `track_inventory`.
    """
    rows: QuerySet[Stock] = Stock.objects.filter(
        variant_id=OuterRef(variant), warehouse__active=True
    ).order_by()
    free = rows.values("variant_id").annotate(free=Sum(FREE)).values("free")
    return Case(
        When(Q(**{tracked: False}) | Exists(rows.filter(backorder=True)), then=None),
        default=Coalesce(Subquery(free), 0),
        output_field=BigIntegerField(),
    )
