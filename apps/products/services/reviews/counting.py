"""The product's rating: a sum and a count, moved with each review under the product's lock.

They move neither `row_version` nor `updated_at`: nobody has changed the product, and whoever is
changing it holds an ETag that must not go stale with each opinion.
"""

from __future__ import annotations

import logging
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Count, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from apps.products.errors.catalogue import ProductNotFoundError
from apps.products.models import Product, Review
from core.observability.metrics import counter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

logger = logging.getLogger(__name__)

CENT: Final = Decimal("0.01")
DRIFTED: Final = counter(
    "agora_product_ratings_drifted",
    "Products whose rating was not that of their reviews; the nightly check mends it. Must be 0.",
)


def lock_rated(product_id: UUID, *, is_active: bool = False) -> Product:
    """The product, so that its ratings move one after the other. Raises ProductNotFoundError.

    Args:
        product_id: which.
        is_active: whether one that is not on sale counts as none.
    """
    rows = Product.objects.select_for_update(no_key=True).defer("search").filter(pk=product_id)
    if is_active:
        rows = rows.filter(status=Product.Status.ACTIVE)
    product = rows.first()
    if product is None:
        raise ProductNotFoundError(f"There is no product {product_id}.")
    return product


def count_in(product: Product, rating: int) -> None:
    """A review is seen from now on. Caller holds the lock on the product."""
    _store(product, product.rating_sum + rating, product.rating_count + 1)


def count_out(product: Product, rating: int) -> None:
    """A review is not seen any more. Caller holds the lock on the product."""
    _store(product, product.rating_sum - rating, product.rating_count - 1)


def _store(product: Product, total: int, count: int) -> None:
    product.rating_sum, product.rating_count = total, count
    product.rating = mean_of(total, count)
    Product.objects.filter(pk=product.pk).update(
        rating_sum=total,
        rating_count=count,
        rating=product.rating,
        row_version=F("row_version"),
        updated_at=F("updated_at"),
    )


def mean_of(total: int, count: int) -> Decimal:
    """In hundredths, half a hundredth upwards; 0 for none."""
    if not count:
        return Decimal(0)
    return (Decimal(total) / count).quantize(CENT, rounding=ROUND_HALF_UP)


def check_ratings() -> int:
    """Compare each product's rating with its reviews and mend what differs; how many did.

    What differs at first look may be a review that is being written: it is looked at again under
    the product's lock.
    """
    drifted = sum(_mend(product_id) for product_id in _differing())
    if drifted:
        DRIFTED.inc(drifted)
        logger.error("%s products had a rating that is not that of their reviews.", drifted)
    return drifted


def _differing() -> list[UUID]:
    published = Review.objects.filter(product=OuterRef("pk"), state=Review.State.PUBLISHED)
    grouped = published.order_by().values("product")
    counts = Product.objects.annotate(
        real_sum=Coalesce(Subquery(grouped.annotate(n=Sum("rating")).values("n")), 0),
        real_count=Coalesce(Subquery(grouped.annotate(n=Count("pk")).values("n")), 0),
    )
    moved = ~Q(rating_sum=F("real_sum")) | ~Q(rating_count=F("real_count"))
    return list(counts.filter(moved).order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _mend(product_id: UUID) -> bool:
    product = lock_rated(product_id)
    real = _counted(product)
    if real == {"total": product.rating_sum, "count": product.rating_count}:
        return False
    _store(product, real["total"], real["count"])
    return True


def _counted(product: Product) -> Mapping[str, int]:
    published = Review.objects.filter(product=product, state=Review.State.PUBLISHED)
    return published.aggregate(total=Coalesce(Sum("rating"), 0), count=Count("pk"))
