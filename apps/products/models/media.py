"""Pictures of products."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.products.models.catalogue import Product, Variant
from core.db.models import BaseModel


class ProductImage(BaseModel):
    """A picture, made anew from what was uploaded, and its smaller sizes, in storage."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="images")
    variant = models.ForeignKey(
        Variant, null=True, blank=True, on_delete=models.PROTECT, related_name="images"
    )
    alt = models.CharField(max_length=300, blank=True, help_text="What it shows, in words.")
    position = models.IntegerField(default=0, help_text="Among its product's, ascending.")
    sha256 = models.CharField(max_length=64, help_text="Of what was uploaded, in hex.")
    key = models.CharField(max_length=200, help_text="Storage key of the picture itself.")
    width = models.PositiveIntegerField(help_text="Pixels.")
    height = models.PositiveIntegerField(help_text="Pixels.")
    thumbnails = models.JSONField(
        default=dict, help_text="Longest edge in pixels to storage key, width and height."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "sha256"], name="product_image_once"),
            models.CheckConstraint(
                name="product_image_size", condition=Q(width__gt=0, height__gt=0)
            ),
        ]
        indexes = [
            models.Index(fields=["product", "position", "id"], name="product_image_by_product")
        ]

    def __str__(self) -> str:
        return self.alt or str(self.pk)
