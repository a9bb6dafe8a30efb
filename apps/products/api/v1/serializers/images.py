"""Pictures of products, in and out."""

from __future__ import annotations

from rest_framework import serializers

from apps.products.models import ProductImage
from apps.products.selectors.images import sizes_document
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer

ALT_MAX = 300  # characters
POSITION_MAX = 1_000_000


def _alt() -> serializers.CharField:
    return serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=ALT_MAX,
        help_text="What it shows, in words, for those who do not see it.",
    )


def _variant_id() -> serializers.UUIDField:
    return serializers.UUIDField(
        required=False, allow_null=True, help_text="The variant that it shows; null: any."
    )


def _position() -> serializers.IntegerField:
    return serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=POSITION_MAX,
        help_text="Among the product's images, ascending; the first is the one of lists.",
    )


class ImageIn(InputSerializer[None]):
    file = serializers.FileField(
        help_text="JPEG, PNG, WebP or GIF, at most 10 MiB and 40 megapixels."
    )
    alt = _alt()
    variant_id = _variant_id()
    position = _position()


class ImagePatchIn(InputSerializer[None]):
    alt = _alt()
    variant_id = _variant_id()
    position = _position()


class ImageSizeOut(OutputSerializer[None]):
    url = serializers.URLField(help_text="Its bytes in WebP; they never change.")
    width = serializers.IntegerField(help_text="Pixels.")
    height = serializers.IntegerField(help_text="Pixels.")


class ImageOut(OutputSerializer[ProductImage]):
    """A picture of a product; it has one of each size, never enlarged."""

    id = serializers.UUIDField()
    product_id = serializers.UUIDField()
    variant_id = serializers.UUIDField(
        allow_null=True, help_text="The variant that it shows; null: any."
    )
    alt = serializers.CharField(help_text="What it shows, in words; may be empty.")
    position = serializers.IntegerField(help_text="Among the product's images, ascending.")
    width = serializers.IntegerField(help_text="Pixels, of the largest size.")
    height = serializers.IntegerField(help_text="Pixels, of the largest size.")
    sizes = ComputedField(
        sizes_document,
        of=("id", "width", "height", "thumbnails"),
        shape=serializers.DictField(child=ImageSizeOut()),
        help_text="By longest edge in pixels: 128, 256, 512, 1024; and full, at most 2560.",
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
