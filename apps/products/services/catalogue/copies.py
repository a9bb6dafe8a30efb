"""What a product's row repeats of its variants and its category, so that a list needs no join."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apps.products.models import Category, Product, Variant
from apps.products.selectors.words import without_accents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

SEARCH_TERMS_MAX: Final = 50_000  # characters; a tsvector may have a megabyte


def variants_of(product: Product) -> list[Variant]:
    return list(Variant.objects.filter(product_id=product.pk).order_by("position", "id"))


def renew_copies(product: Product, variants: Sequence[Variant] | None = None) -> None:
    """Set the copies anew; the caller saves the row, which it has locked.

    Prices are those of the active variants, which share one currency; with no active variant
    there is no price. Words are those of all that somebody might look for.

    Args:
        product: its name, category and attributes are as they are to be.
        variants: all of its; None: as the database has them.
    """
    listed = variants_of(product) if variants is None else variants
    active = [variant for variant in listed if variant.active]
    prices = [variant.price for variant in active]
    product.currency = active[0].currency if active else ""
    product.price_min = min(prices, default=None)
    product.price_max = max(prices, default=None)
    product.search_terms = search_terms(product, active, names_above(product.category))


def search_terms(
    product: Product, variants: Iterable[Variant], category_names: Sequence[str]
) -> str:
    """Words beside the name, each text once: categories, attributes, SKUs, options.

    PostgreSQL takes "crème" and "creme" for two words, so that the name, and each text here,
    stands once more without its accents where it has any.
    """
    texts = [*category_names, *_texts_of(product.attributes)]
    for variant in variants:
        texts += [variant.sku, variant.name, *_texts_of(variant.options)]
    plain = [without_accents(text) for text in [product.name, *texts]]
    known = {product.name, *texts}
    distinct = dict.fromkeys([*texts, *(text for text in plain if text not in known)])
    return " ".join(filter(None, distinct))[:SEARCH_TERMS_MAX]


def names_above(category: Category | None) -> list[str]:
    """Names from the root of the tree down to the category's own; one statement."""
    if category is None:
        return []
    names = dict(Category.objects.filter(pk__in=category.lineage).values_list("pk", "name"))
    return [names[pk] for pk in category.lineage if pk in names]


def _texts_of(values: Mapping[str, object]) -> Iterator[str]:
    """Of flat JSON the texts: a number is a filter's business, and true is no word."""
    return (value for value in values.values() if isinstance(value, str))
