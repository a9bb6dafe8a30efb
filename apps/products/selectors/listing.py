"""The list of products: how it is narrowed, and what a row shows beside its columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, Prefetch, Q

from apps.products.models import Category, Product, ProductImage, Variant
from apps.products.selectors.availability import available_pieces
from apps.products.selectors.cells import LITERALS, NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from django.db.models import QuerySet


NUMBER_MAX: Final = 10**15  # doubles are exact so far


def active(rows: QuerySet[Product]) -> QuerySet[Product]:
    return rows.filter(status=Product.Status.ACTIVE)


def in_category(rows: QuerySet[Product], category: str) -> QuerySet[Product]:
    """Those of a category and of all below it; none when there is no such category.

    The categories are looked up first: knowing which, and not only how many, PostgreSQL sees from
    its statistics whether to begin with them or with the order of the list.

    Args:
        rows: to be narrowed.
        category: its id or its slug.
    """
    below = Category.objects.filter(_is_below(category))
    return rows.filter(category_id__in=list(below.values_list("pk", flat=True)))


def _is_below(category: str) -> Q:
    """Whether a category is this one, by its id or its slug, or lies below it."""
    try:
        return Q(lineage__contains=[UUID(category)])
    except ValueError:
        root = Category.objects.filter(slug=category).values("pk")
        return Q(lineage__overlap=ArraySubquery(root))


def with_attributes(
    rows: QuerySet[Product], wanted: Mapping[str, Sequence[str]]
) -> QuerySet[Product]:
    """Those that have one of the values of each name.

    Args:
        rows: to be narrowed.
        wanted: by name of an attribute: values as text; `5` is also the number, `true` also true.
    """
    for name, values in wanted.items():
        condition = Q()
        for value in values:
            for each in _values_of(value):
                condition |= Q(attributes__contains={name: each})
        rows = rows.filter(condition)
    return rows


def _values_of(text: str) -> Iterable[Any]:
    """What JSON may hold that is written so."""
    yield text
    if text in LITERALS:
        yield LITERALS[text]
    elif NUMBER.fullmatch(text) and abs(number := json.loads(text)) <= NUMBER_MAX:
        yield number


def priced(rows: QuerySet[Product], operator: str, amount: Decimal) -> QuerySet[Product]:
    """By the cheapest price, through the column that the index of its order is about.

    Args:
        rows: to be narrowed.
        operator: gt, gte, lt or lte.
        amount: in whatever currency.
    """
    return rows.filter(price_min__isnull=False, **{f"price_order__{operator}": amount})


def in_stock(rows: QuerySet[Product], wanted: bool) -> QuerySet[Product]:  # noqa: FBT001 - a filter's value
    """Those that have a piece, or may be ordered without one; or those of which there is none.

    Joins below one EXISTS, and not one below another: PostgreSQL then looks at the stock of each
    row for a page, and at all stock at once for a count.
    """
    there = Q(stocks__backorder=True) | Q(
        stocks__on_hand__gt=F("stocks__reserved") + F("stocks__safety")
    )
    variants = Variant.objects.filter(
        Q(track_inventory=False) | Q(there, stocks__warehouse__active=True),
        product_id=OuterRef("pk"),
        active=True,
    )
    return rows.filter(Exists(variants) if wanted else ~Exists(variants))


# -- What a row shows beside its own columns: one statement each for a page


def with_offers(prefix: str = "") -> Prefetch[Any, Any, Any]:
    """Active variants, the cheapest first, each with `available`, at `product.offers`.

    Args:
        prefix: the path from the row to its product, with `__` behind, or empty.
    """
    variants = Variant.objects.filter(active=True).annotate(available=available_pieces())
    columns = ("product_id", "price", "compare_at_price", "currency")
    ordered = variants.order_by("price", "position", "id").only(*columns)
    return Prefetch(f"{prefix}variants", ordered, to_attr="offers")


def with_first_image(prefix: str = "") -> Prefetch[Any, Any, Any]:
    """The first image alone, at `product.first_images`: a list of one, or empty.

    Args:
        prefix: as above.
    """
    images = ProductImage.objects.order_by("product_id", "position", "id").distinct("product_id")
    return Prefetch(f"{prefix}images", images, to_attr="first_images")


def available_of(offers: Sequence[Any]) -> int | None:
    """Pieces of all of them together; None: at least one is without limit.

    Args:
        offers: variants with `available`.
    """
    pieces = [offer.available for offer in offers]
    return None if None in pieces else sum(pieces)
