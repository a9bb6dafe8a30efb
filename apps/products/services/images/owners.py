"""The product and the variant that an image belongs to, and what is told of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Max

from apps.products.errors.catalogue import ProductNotFoundError, VariantNotFoundError
from apps.products.models import Product, ProductImage, Variant
from apps.products.services.catalogue.announcing import announce_updated
from core import audit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from core.audit import Actor

    Facts = Mapping[str, object] | None


def note_change(product: Product, actor: Actor) -> None:
    """Move the version of a locked product, whose document shows its images, and say so."""
    Product.objects.filter(pk=product.pk).update()
    announce_updated(product, {"images"}, actor=actor)


def check_variant(product_id: UUID, variant_id: UUID | None) -> None:
    """Raises VariantNotFoundError: not one of this product's; ProductNotFoundError."""
    if not Product.objects.filter(pk=product_id).exists():
        raise ProductNotFoundError(f"There is no product {product_id}.")
    if variant_id is None:
        return
    if not Variant.objects.filter(pk=variant_id, product_id=product_id).exists():
        raise VariantNotFoundError(f"The product has no variant {variant_id}.")


def next_position(product_id: UUID) -> int:
    """Behind the last. Caller holds the lock on the product."""
    rows = ProductImage.objects.filter(product_id=product_id)
    last = rows.aggregate(last=Max("position"))["last"]
    return 0 if last is None else last + 1


def record_image(
    what: str, image: ProductImage, actor: Actor, *, before: Facts, after: Facts
) -> None:
    """An audit entry about the product, whose history shows its pictures."""
    audit.record(
        actor=actor,
        action=f"products.image.{what}",
        object_type="product_image",
        object_id=str(image.pk),
        before=before,
        after=after,
    )
