"""Pictures of products, to look at; they are added through the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from apps.products.admin.display import thumbnail
from apps.products.models import ProductImage
from core.admin import AuditedModelAdmin

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


@admin.register(ProductImage)
class ProductImageAdmin(AuditedModelAdmin[ProductImage]):
    audit_object_type = "product_image"
    list_display = ("picture", "product", "alt", "width", "height", "position", "created_at")
    list_select_related = ("product",)
    search_fields = ("product__name__icontains", "alt__icontains", "id__exact")
    search_help_text = "Part of the product's name or of the words beside the picture, or an id."
    ordering = ("-id",)
    fields = (
        "picture",
        "product",
        "variant",
        "alt",
        "position",
        "width",
        "height",
        "created_at",
    )
    readonly_fields = fields

    @admin.display(description="Picture")
    def picture(self, image: ProductImage) -> SafeString | str:
        return thumbnail(image)
