"""Facets: how many of the products that were found have which category, price or attribute.

Each is one aggregate over all that was found, so it costs what a count costs, and more the more
there is; the API answers them with the first page alone, and charges for each.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.contrib.postgres.fields import ArrayField
from django.db.models import Count, F, Func, IntegerField, TextField, Value

from apps.products.models import Category
from core.db.money import AmountField
from core.money import money_document

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from apps.products.models import Product

VALUES_MAX: Final = 20  # of one facet: those that most products have
EDGES: Final = tuple(
    Decimal(step) * 10**power for power in range(6) for step in (1, 2, 5)
)  # of prices, in any currency: 1, 2, 5, 10 ... 500,000


def category_facet(rows: QuerySet[Product]) -> list[dict[str, Any]]:
    """Categories with how many products lie in them or below, the fullest first."""
    counts: Counter[Any] = Counter()
    grouped = rows.order_by().filter(category__isnull=False).values("category__lineage")
    for lineage, count in grouped.annotate(count=Count("pk")).values_list(
        "category__lineage", "count"
    ):
        counts.update(dict.fromkeys(lineage, count))
    fullest = counts.most_common(VALUES_MAX)
    named = Category.objects.only("slug", "name").in_bulk([key for key, _ in fullest])
    return [
        {"id": str(key), "slug": named[key].slug, "name": named[key].name, "count": count}
        for key, count in fullest
        if key in named
    ]


def price_facet(rows: QuerySet[Product]) -> list[dict[str, Any]]:
    """Ranges of the cheapest price with how many products; a range ends before its `to`.

    Edges are fixed, so that a range means the same from search to search. Of more than VALUES_MAX
    ranges, as several currencies can have, the fullest are answered.
    """
    place = Func(
        F("price_min"),
        Value(list(EDGES), output_field=ArrayField(AmountField())),
        function="width_bucket",
        output_field=IntegerField(),
    )
    grouped = rows.order_by().filter(price_min__isnull=False).values("currency")
    counted = grouped.annotate(place=place).annotate(count=Count("pk"))
    fullest = counted.order_by("-count", "currency", "place")[:VALUES_MAX]
    ranges = sorted(fullest.values_list("currency", "place", "count"))
    return [
        {"from": _edge(place - 1, currency), "to": _edge(place, currency), "count": count}
        for currency, place, count in ranges
    ]


def _edge(place: int, currency: str) -> dict[str, str] | None:
    """The edge of a place; below the first it is nothing, above the last there is none."""
    if place < 0:
        return money_document(Decimal(0), currency)
    return money_document(EDGES[place], currency) if place < len(EDGES) else None


def attribute_facet(rows: QuerySet[Product], name: str) -> list[dict[str, Any]]:
    """Values of an attribute, as text, with how many products have them; the most usual first."""
    value = Func(  # and not a key transform, to which "5" is a place in an array
        F("attributes"),
        Value(name),
        function="jsonb_extract_path_text",
        output_field=TextField(),
    )
    valued = rows.order_by().annotate(value=value)
    counted = valued.filter(value__isnull=False).values("value").annotate(count=Count("pk"))
    usual = counted.order_by("-count", "value").values_list("value", "count")[:VALUES_MAX]
    return [{"value": value, "count": count} for value, count in usual]
