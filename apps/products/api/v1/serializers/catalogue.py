"""Products and variants, in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.products.api.v1.serializers.categories import CategoryLinkOut
from apps.products.api.v1.serializers.images import ImageOut
from apps.products.api.v1.serializers.listing import (
    PriceRangeOut,
    RatingOut,
    price_range_document,
    rating_document,
)
from apps.products.models import PriceChange, Product, Variant
from apps.products.selectors.catalogue import (
    category_path,
    pieces_of,
    variants_shown,
    with_variants,
)
from apps.products.selectors.images import with_images
from apps.products.selectors.listing import available_of
from apps.products.services.catalogue import rules
from core.api.money import MoneyIn, money_field
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COMPARE_AT_HELP = "What it cost before, to be shown struck through; more than the price."


# -- In


def _sku(**options: Any) -> serializers.CharField:  # noqa: ANN401 - the field's own
    return serializers.CharField(
        max_length=rules.SKU_MAX,
        help_text="Letters, digits and . _ / + # -; unique whatever the case.",
        **options,
    )


class _VariantRules(InputSerializer[None]):
    """What a variant may have, new or changed."""

    name = serializers.CharField(
        max_length=rules.NAME_MAX, required=False, allow_blank=True, help_text="e.g. Red, M."
    )
    options = serializers.DictField(
        child=serializers.CharField(max_length=rules.OPTION_MAX, allow_blank=True),
        required=False,
        help_text=f"Texts by name, at most {rules.OPTIONS_MAX}, e.g. colour: red.",
    )
    compare_at_price = MoneyIn(required=False, allow_null=True, help_text=COMPARE_AT_HELP)
    track_inventory = serializers.BooleanField(
        required=False, help_text="False: never out of stock, as a download is."
    )
    active = serializers.BooleanField(
        required=False, help_text="Whether it may be bought while its product is active."
    )
    position = serializers.IntegerField(
        required=False,
        min_value=-rules.POSITION_MAX,
        max_value=rules.POSITION_MAX,
        help_text="Among its product's variants, ascending; without it a new one comes last.",
    )
    weight_grams = serializers.IntegerField(
        required=False, min_value=0, max_value=rules.WEIGHT_MAX, help_text="Of one piece."
    )
    tax_class = serializers.CharField(
        required=False,
        max_length=rules.TAX_CLASS_MAX,
        help_text="What the tax calculator looks up, e.g. standard.",
    )


class VariantIn(_VariantRules):
    sku = _sku()
    price = MoneyIn(help_text="Of one piece, before tax.")


class VariantPatchIn(_VariantRules):
    sku = _sku(required=False)
    price = MoneyIn(required=False, help_text="Of one piece, before tax.")


class _ProductRules(InputSerializer[None]):
    """What a product may have, new or changed."""

    slug = serializers.CharField(
        max_length=rules.SLUG_MAX,
        required=False,
        help_text="In addresses; without it one is made of the name.",
    )
    description = serializers.CharField(
        max_length=rules.DESCRIPTION_MAX, required=False, allow_blank=True
    )
    category_id = serializers.UUIDField(required=False, allow_null=True)
    attributes = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        help_text=f"Texts, numbers or booleans by name, at most {rules.ATTRIBUTES_MAX}.",
    )
    status = serializers.ChoiceField(choices=Product.Status.choices, required=False)


class ProductIn(_ProductRules):
    name = serializers.CharField(max_length=rules.NAME_MAX)
    variants = VariantIn(many=True, required=False, max_length=rules.VARIANTS_MAX)  # type: ignore[call-arg] # the list's


class ProductPatchIn(_ProductRules):
    name = serializers.CharField(max_length=rules.NAME_MAX, required=False)


# -- Out


class VariantOut(OutputSerializer[Variant]):
    """What is bought: one SKU with its options and its price."""

    beside = {"available": lambda variant: ("pieces", pieces_of(variant))}  # stock has own rows

    id = serializers.UUIDField()
    sku = serializers.CharField()
    name = serializers.CharField(help_text="May be empty.")
    options = serializers.DictField(child=serializers.CharField())
    price = money_field("price", help_text="Of one piece, before tax.")
    compare_at_price = money_field(
        "compare_at_price", allow_null=True, help_text="What it cost before; null: nothing is said."
    )
    available = serializers.SerializerMethodField(
        help_text="Pieces that may be promised now; null: without limit."
    )
    in_stock = serializers.SerializerMethodField(
        help_text="Whether there is a piece, or it may be ordered without one."
    )
    track_inventory = serializers.BooleanField()
    active = serializers.BooleanField()
    position = serializers.IntegerField(help_text="Among its product's, ascending.")
    weight_grams = serializers.IntegerField(help_text="Of one piece.")
    tax_class = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_available(self, variant: Variant) -> int | None:
        return pieces_of(variant)

    @extend_schema_field(serializers.BooleanField())
    def get_in_stock(self, variant: Variant) -> bool:
        return pieces_of(variant) != 0


class PriceChangeOut(OutputSerializer[PriceChange]):
    """What a variant cost from when on."""

    id = serializers.IntegerField()
    price = money_field("price")
    compare_at_price = money_field("compare_at_price", allow_null=True)
    valid_from = serializers.DateTimeField()
    changed_by_id = serializers.UUIDField(
        allow_null=True, help_text="The user who set it; null: the platform."
    )


class ProductCategoryOut(CategoryLinkOut):
    """The category that a product lies in, and the way to it."""

    ancestors = CategoryLinkOut(many=True, help_text="From the root of the tree down.")


def _variant_state(product: Product) -> object:
    return tuple((str(v.pk), v.row_version, v.available) for v in variants_shown(product))


def _image_state(product: Product) -> object:
    return tuple((str(image.pk), image.row_version) for image in product.images.all())


def _path_state(product: Product) -> object:
    return tuple((str(row.pk), row.slug, row.name) for row in category_path(product)) or None


def _available(product: Product) -> int | None:
    return available_of([row for row in variants_shown(product) if row.active])


def _is_in_stock(product: Product) -> bool:
    offers = [row for row in variants_shown(product) if row.active]
    return bool(offers) and available_of(offers) != 0


class ProductOut(OutputSerializer[Product]):
    """A product with its variants, pictures and place in the catalogue."""

    to_many: ClassVar[Mapping[str, Callable[[str], Any]]] = {
        "available": with_variants,
        "in_stock": with_variants,
        "variants": with_variants,
        "images": with_images,
    }
    beside = {  # none of it moves the product's version
        "available": lambda product: ("pieces", _available(product)),
        "in_stock": _is_in_stock,
        "rating": lambda product: (str(product.rating), product.rating_count),
        "variants": _variant_state,
        "images": _image_state,
        "category": _path_state,
    }

    id = serializers.UUIDField()
    slug = serializers.CharField(help_text="In addresses.")
    name = serializers.CharField()
    description = serializers.CharField(help_text="May be empty.")
    status = serializers.ChoiceField(choices=Product.Status.choices)
    price = money_field(
        "price_min",
        allow_null=True,
        help_text="Of the cheapest active variant, before tax; null: none can be bought.",
    )
    price_range = ComputedField(
        price_range_document,
        of=("price_min", "price_max", "currency"),
        shape=PriceRangeOut(allow_null=True, help_text="Null when all cost the same."),
    )
    available = serializers.SerializerMethodField(
        help_text="Pieces of all active variants; null: without limit."
    )
    in_stock = serializers.SerializerMethodField(
        help_text="Whether there is a piece, or it may be ordered without one."
    )
    rating = ComputedField(rating_document, of=("rating", "rating_count"), shape=RatingOut())
    attributes = serializers.DictField(child=serializers.JSONField())
    category = serializers.SerializerMethodField(help_text="Null: it lies in none.")
    variants = serializers.SerializerMethodField(
        help_text="In their order; the active ones, and with catalog:write all."
    )
    images = ImageOut(many=True)
    published_at = serializers.DateTimeField(
        allow_null=True, help_text="When it was first active; null: never yet."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_available(self, product: Product) -> int | None:
        return _available(product)

    @extend_schema_field(serializers.BooleanField())
    def get_in_stock(self, product: Product) -> bool:
        return _is_in_stock(product)

    @extend_schema_field(ProductCategoryOut(allow_null=True))
    def get_category(self, product: Product) -> dict[str, Any] | None:
        path = category_path(product)
        if not path:
            return None
        *above, own = CategoryLinkOut(path, many=True).data
        return {**own, "ancestors": above}

    @extend_schema_field(VariantOut(many=True))
    def get_variants(self, product: Product) -> list[Any]:
        return list(VariantOut(variants_shown(product), many=True).data)
