"""A product as a row of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rest_framework import serializers

from apps.products.api.v1.serializers.categories import CategoryLinkOut
from apps.products.models import Product
from apps.products.selectors.images import image_url, picture_of
from apps.products.selectors.listing import available_of, with_first_image, with_offers
from core.api.money import MoneyOut, money_field
from core.api.serializers import ComputedField, OutputSerializer
from core.money import money_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

THUMBNAIL = "256"  # pixels of the longest edge


class PriceRangeOut(serializers.Serializer[Any]):
    """The cheapest and the dearest variant's price."""

    to = MoneyOut()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"from": MoneyOut(), **super().get_fields()}  # a word of Python's


class RatingOut(serializers.Serializer[Any]):
    """What buyers say."""

    average = serializers.FloatField(allow_null=True, help_text="From 1 to 5; null: nobody has.")
    count = serializers.IntegerField(help_text="Published reviews.")


class ThumbnailOut(serializers.Serializer[Any]):
    """The first image, small."""

    url = serializers.URLField()
    width = serializers.IntegerField(help_text="Pixels.")
    height = serializers.IntegerField(help_text="Pixels.")
    alt = serializers.CharField(help_text="What it shows, in words.")


class CategoryField(ComputedField):
    """The category by three of its columns, read in the row's own statement; null: none."""

    def __init__(self) -> None:
        super().__init__(
            dict,
            of=("category.id", "category.slug", "category.name"),
            shape=CategoryLinkOut(allow_null=True),
        )

    def to_representation(self, value: Product) -> dict[str, Any] | None:
        category = value.category
        if category is None:
            return None
        return {"id": category.pk, "slug": category.slug, "name": category.name}


def price_range_document(low: Decimal | None, high: Decimal | None, currency: str) -> object:
    if low is None or high is None or low == high:
        return None
    return {"from": money_document(low, currency), "to": money_document(high, currency)}


def _compare_at(offers: Sequence[Any]) -> dict[str, str] | None:
    cheapest = offers[0] if offers else None
    if cheapest is None or cheapest.compare_at_price is None:
        return None
    return money_document(cheapest.compare_at_price, cheapest.currency)


def _is_in_stock(offers: Sequence[Any]) -> bool:
    return bool(offers) and available_of(offers) != 0


def rating_document(average: Decimal, count: int) -> dict[str, Any]:
    return {"average": float(average) if count else None, "count": count}


def _thumbnail(images: Sequence[Any]) -> dict[str, Any] | None:
    if not images:
        return None
    picture = picture_of(images[0], THUMBNAIL)
    url = image_url(images[0], THUMBNAIL)
    return {"url": url, "width": picture.width, "height": picture.height, "alt": images[0].alt}


class ProductRowOut(OutputSerializer[Product]):
    """A product in a list: what a shelf shows of it."""

    id = serializers.UUIDField()
    slug = serializers.CharField(help_text="In addresses.")
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=Product.Status.choices)
    price = money_field(
        "price_min",
        allow_null=True,
        help_text="Of the cheapest variant, before tax; null: none can be bought.",
    )
    price_range = ComputedField(
        price_range_document,
        of=("price_min", "price_max", "currency"),
        shape=PriceRangeOut(allow_null=True, help_text="Null when all cost the same."),
    )
    compare_at = ComputedField(
        _compare_at,
        of=("offers",),
        shape=MoneyOut(allow_null=True, help_text="What the cheapest variant cost before."),
    )
    in_stock = ComputedField(
        _is_in_stock,
        of=("offers",),
        shape=serializers.BooleanField(
            help_text="Whether there is a piece, or it may be ordered without one."
        ),
    )
    available = ComputedField(
        available_of,
        of=("offers",),
        shape=serializers.IntegerField(
            allow_null=True, help_text="Pieces of all variants; null: without limit."
        ),
    )
    rating = ComputedField(rating_document, of=("rating", "rating_count"), shape=RatingOut())
    category = CategoryField()
    thumbnail = ComputedField(_thumbnail, of=("first_images",), shape=ThumbnailOut(allow_null=True))
    created_at = serializers.DateTimeField()

    to_many: ClassVar[Mapping[str, Callable[[str], Any]]] = {
        "compare_at": with_offers,
        "in_stock": with_offers,
        "available": with_offers,
        "thumbnail": with_first_image,
    }
