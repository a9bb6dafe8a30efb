"""What the list of products may be asked about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from apps.products.models import Product
from apps.products.selectors import listing, search
from core.api.typed_filters import (
    BOOLEAN,
    EXACT,
    ID,
    MONEY,
    NUMBER,
    ONE_OF,
    RANGE,
    TEXT,
    TIME,
    Kind,
    Typed,
    TypedFilterSet,
    choice,
)
from core.limits import IN_FILTER_MAX, SEARCH_MAX
from core.money import DIGITS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    Rows = QuerySet[Product]

ATTRIBUTES_MAX: Final = 20  # pairs of one call
COMMA: Final = re.compile(r"(?<!\\),")  # that stands between two pairs, not in a value
PRICES: Final = frozenset(
    {"price__gt", "price__gte", "price__lt", "price__lte", "min_price", "max_price"}
)


def _parse_search(text: str) -> str:
    if len(text) > SEARCH_MAX:
        raise ValueError(text)
    search.terms_of(text)  # raises for too many words
    return text


def parse_attributes(text: str) -> dict[str, list[str]]:
    """`colour:red,colour:blue,size:M` by name. Raises ValueError."""
    wanted: dict[str, list[str]] = {}
    pairs = COMMA.split(text)
    if len(pairs) > ATTRIBUTES_MAX:
        raise ValueError(text)
    for pair in pairs:
        name, colon, value = pair.replace("\\,", ",").partition(":")
        if not (name and colon and value):
            raise ValueError(text)
        wanted.setdefault(name, []).append(value)
    return wanted


def spelled(attributes: Mapping[str, list[str]]) -> str:
    """The same as text again."""
    pairs = [f"{name}:{value}" for name, values in attributes.items() for value in values]
    return ",".join(pair.replace(",", "\\,") for pair in pairs)


def _parse_ids(text: str) -> list[UUID]:
    ids = text.split(",")
    if len(ids) > IN_FILTER_MAX:
        raise ValueError(text)
    return [ID.parse(each) for each in ids]


def _parse_currency(text: str) -> str:
    if text not in DIGITS:
        raise ValueError(text)
    return text


SEARCH: Final = Kind(
    _parse_search,
    f"At most {SEARCH_MAX} characters and {search.WORDS_MAX} words.",
    {"type": "string", "minLength": 1, "maxLength": SEARCH_MAX},
    "max_length",
)
ATTRIBUTES: Final = Kind(
    parse_attributes,
    f"name:value, at most {ATTRIBUTES_MAX} with commas between; \\, is a comma in a value.",
    {"type": "string", "example": "colour:red,colour:blue,size:M"},
)
IDS: Final = Kind(
    _parse_ids, f"At most {IN_FILTER_MAX} ids with commas between.", {"type": "string"}
)
CURRENCY: Final = Kind(
    _parse_currency,
    "ISO 4217, in capitals, e.g. EUR.",
    {"type": "string", "pattern": "^[A-Z]{3}$"},
    "unknown_currency",
)


def _search(rows: Rows, _operator: str, text: str) -> Rows:
    return search.found_by(rows, text)


def _category(rows: Rows, _operator: str, category: str) -> Rows:
    return listing.in_category(rows, category)


def _in_stock(rows: Rows, _operator: str, wanted: Any) -> Rows:  # noqa: ANN401 - of the kind
    return listing.in_stock(rows, wanted)


def _attributes(rows: Rows, _operator: str, wanted: Mapping[str, list[str]]) -> Rows:
    return listing.with_attributes(rows, wanted)


def _ids(rows: Rows, _operator: str, ids: list[UUID]) -> Rows:
    return rows.filter(pk__in=ids)


def _min_price(rows: Rows, _operator: str, amount: Any) -> Rows:  # noqa: ANN401 - of the kind
    return listing.priced(rows, "gte", amount)


def _max_price(rows: Rows, _operator: str, amount: Any) -> Rows:  # noqa: ANN401 - of the kind
    return listing.priced(rows, "lte", amount)


class ProductFilter(TypedFilterSet):
    typed = (
        Typed(
            "search",
            SEARCH,
            EXACT,
            apply=_search,
            about=(
                "Words that must all be found, in the name, SKUs, options, categories or the "
                'description; the last may be the beginning of one. "red shoes" stand together, '
                "-red must not be there."
            ),
        ),
        Typed(
            "category",
            TEXT,
            EXACT,
            apply=_category,
            about="Id or slug of a category; products of those below it are found as well.",
        ),
        Typed("price", MONEY, RANGE, apply=listing.priced, about="Of the cheapest variant."),
        Typed("min_price", MONEY, EXACT, apply=_min_price, about="The same as price__gte."),
        Typed("max_price", MONEY, EXACT, apply=_max_price, about="The same as price__lte."),
        Typed("currency", CURRENCY, EXACT, about="That prices are in."),
        Typed(
            "in_stock",
            BOOLEAN,
            EXACT,
            apply=_in_stock,
            about="Whether there is a piece of any variant, or it may be ordered without one.",
        ),
        Typed(
            "attributes",
            ATTRIBUTES,
            EXACT,
            apply=_attributes,
            about=(
                "Pairs of name and value. Values of one name are alternatives, "
                "of several names each must hold."
            ),
        ),
        Typed("rating", NUMBER, ("gte",), about="Mean of the published reviews."),
        Typed("created_at", TIME, RANGE),
        Typed("ids", IDS, EXACT, apply=_ids, about="The same as id__in."),
        Typed("id", ID, ("in",)),
        Typed(
            "status",
            choice(Product.Status.values),
            ONE_OF,
            about="With catalog:write; without it there are active products alone.",
        ),
    )


def without_own(facet: str, query: Mapping[str, str]) -> dict[str, str]:
    """A query without what it says of one facet: what else could be chosen is to be counted.

    Args:
        facet: category, price, or the name of an attribute.
        query: that has been found valid.
    """
    own = {"category": frozenset({"category"}), "price": PRICES}.get(facet, frozenset())
    kept = {name: value for name, value in query.items() if name not in own}
    if not own and "attributes" in kept:
        others = parse_attributes(kept.pop("attributes"))
        others.pop(facet, None)
        if others:
            kept["attributes"] = spelled(others)
    return kept
