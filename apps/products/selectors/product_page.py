"""What staff see beside a product: its stock, its pictures, what sells, what buyers say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Sum
from django.db.models.functions import TruncDate

from apps.products.errors.images import ImageNotFoundError
from apps.products.models import PriceChange, ProductImage, Purchase, Review, Stock, Variant
from apps.products.selectors.images import SIZE_NAMES, Content, picture_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.products.models import Product

SALES_DAYS: Final = 30
REVIEWS_SHOWN: Final = 10
PRICES_SHOWN: Final = 20
STOCKS_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class ProductPage:
    """Of one product.

    Attributes:
        variants: all of them, in order.
        stocks: of its variants, by variant and warehouse.
        prices: newest first.
        days: the last SALES_DAYS days (UTC), and how many pieces were paid on each.
    """

    variants: Sequence[Variant]
    stocks: Sequence[Stock]
    images: Sequence[ProductImage]
    reviews: Sequence[Review]
    prices: Sequence[PriceChange]
    days: Sequence[tuple[date, int]]


def product_page(product: Product, *, today: date) -> ProductPage:
    """Six statements, whatever the product has."""
    stocks = Stock.objects.filter(variant__product=product).select_related("variant", "warehouse")
    prices = PriceChange.objects.filter(variant__product=product)
    reviews = Review.objects.filter(product=product).select_related("author")
    return ProductPage(
        variants=list(Variant.objects.filter(product=product).order_by("position", "id")),
        stocks=list(
            stocks.order_by("variant__position", "variant_id", "warehouse__priority")[:STOCKS_SHOWN]
        ),
        images=list(ProductImage.objects.filter(product=product).order_by("position", "id")),
        reviews=list(reviews.order_by("-id")[:REVIEWS_SHOWN]),
        prices=list(prices.select_related("variant", "changed_by").order_by("-id")[:PRICES_SHOWN]),
        days=_sold(product, today),
    )


def _sold(product: Product, today: date) -> list[tuple[date, int]]:
    first = today - timedelta(days=SALES_DAYS - 1)
    rows = (
        Purchase.objects.filter(product=product, purchased_at__date__gte=first)
        .annotate(day=TruncDate("purchased_at"))
        .values_list("day")
        .annotate(pieces=Sum("quantity"))
    )
    pieces = dict(rows)
    days = (first + timedelta(days=number) for number in range(SALES_DAYS))
    return [(day, pieces.get(day, 0)) for day in days]


def smallest_bytes(image: ProductImage) -> bytes | None:
    """Of the smallest size, a few kB; None: the storage has lost it."""
    try:
        return Content(picture_of(image, SIZE_NAMES[0]), is_public=False).read()
    except ImageNotFoundError:
        return None
