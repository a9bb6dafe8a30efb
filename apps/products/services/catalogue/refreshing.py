"""Renewing the words that products are found by, after a category above them has changed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from django.db import transaction

from apps.products.models import Category, Product, Variant
from apps.products.services.catalogue.copies import search_terms
from core.db.locks import lock_in_order
from core.tasks import enqueue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

BATCH: Final = 200  # products locked at once


@transaction.atomic
def ask_for_batches(*, category_id: UUID | None = None) -> None:
    """Have the words of all products below a category renewed, each BATCH by a task of its own.

    So none waits for another, and one that is lost is one batch: the nightly check finds it.

    Args:
        category_id: the branch's; of one that is gone nothing is below. None: all products.
    """
    ids = list(_below(category_id).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        enqueue(
            "products.renew_search_batch",
            category_id="" if category_id is None else str(category_id),
            first=str(batch[0]),
            last=str(batch[-1]),
        )


@transaction.atomic
def renew_search_batch(*, category_id: UUID | None, first: UUID, last: UUID) -> int:
    """Renew the words of some products below a category; how many had other words.

    Run twice it finds everything as it should be. Versions do not move: nothing that a document
    shows has changed.

    Args:
        category_id: the branch's. None: of any, and looked at without a lock first, since nearly
            all are as they should be.
        first: the first product, by id.
        last: the last one.

    Raises:
        OperationalError: a lock was not to be had; nothing was renewed, try again.
    """
    rows = _below(category_id).filter(pk__range=(first, last))
    rows = rows.select_related("category").defer("search")
    if category_id is None:
        rows = rows.filter(pk__in=[row.pk for row in _with_new_words(rows)])
    moved = _with_new_words(lock_in_order(rows, no_key=True))
    plain = Product._base_manager  # noqa: SLF001 - its updates leave the version where it is
    plain.bulk_update(moved, ["search_terms"])
    if moved and category_id is None:
        logger.warning("Products whose search terms nobody had renewed: %s.", len(moved))
    return len(moved)


def _below(category_id: UUID | None) -> QuerySet[Product]:
    if category_id is None:
        return Product.objects.all()
    branch = Category.objects.filter(lineage__contains=[category_id]).values("pk")
    return Product.objects.filter(category__in=branch)


def _with_new_words(found: Iterable[Product]) -> list[Product]:
    """Those whose words are not what they should be, with what they should be."""
    rows = list(found)
    names = _names_above(rows)
    variants = _active_variants(rows)
    moved = []
    for product in rows:
        category = product.category
        above = [] if category is None else [names[pk] for pk in category.lineage if pk in names]
        words = search_terms(product, variants[product.pk], above)
        if words != product.search_terms:
            product.search_terms = words
            moved.append(product)
    return moved


def _names_above(rows: Iterable[Product]) -> dict[UUID, str]:
    above = {pk for row in rows if row.category is not None for pk in row.category.lineage}
    return dict(Category.objects.filter(pk__in=above).values_list("pk", "name"))


def _active_variants(rows: Sequence[Product]) -> dict[UUID, list[Variant]]:
    found: dict[UUID, list[Variant]] = {row.pk: [] for row in rows}
    listed = Variant.objects.filter(product_id__in=found, active=True)
    for variant in listed.order_by("position", "id"):
        found[variant.product_id].append(variant)
    return found
