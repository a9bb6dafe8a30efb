"""A product's pictures: added, described, ordered, removed.

Each moves the product's version, since its document shows them.
"""

from __future__ import annotations

import hashlib
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from django.db import transaction

from apps.products.errors.images import ImageNotFoundError, ImageTooLargeError, TooManyImagesError
from apps.products.models import ProductImage
from apps.products.selectors.images import FULL
from apps.products.services.catalogue.locking import lock_product
from apps.products.services.images.limits import FILE_MAX, IMAGES_MAX
from apps.products.services.images.owners import (
    check_variant,
    next_position,
    note_change,
    record_image,
)
from apps.products.services.images.pictures import renditions_of
from apps.products.services.images.storing import delete_files, store_renditions
from core.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from apps.products.selectors.images import Picture
    from core.audit import Actor

    Check = Callable[[Any], None]

FACTS = ("alt", "position", "variant_id")


class Added(NamedTuple):
    """The image, and whether it is a new one."""

    image: ProductImage
    is_new: bool


def add_image(  # noqa: PLR0913 - what an image has
    *,
    product_id: UUID,
    file: IO[bytes],
    alt: str,
    variant_id: UUID | None,
    position: int | None,
    actor: Actor,
) -> Added:
    """Make a picture of a file and put it to a product; the same file again is the image there is.

    Everything slow, reading and writing the files, is done before the product is locked.

    Args:
        product_id: of any state.
        file: at its beginning, in JPEG, PNG, WebP or GIF.
        alt: what it shows, in words.
        variant_id: the variant that it shows; None: all of them.
        position: among the product's; None: behind the others.
        actor: who adds it.

    Raises:
        ProductNotFoundError, VariantNotFoundError, ImageTooLargeError, ImageNotAcceptedError,
        ImagesBusyError, TooManyImagesError.
    """
    sha256 = _digest(file)
    existing = _added_before(product_id, sha256)
    if existing is not None:
        return Added(existing, is_new=False)
    check_variant(product_id, variant_id)
    _check_room(product_id)
    image = ProductImage(
        id=uuid7(), product_id=product_id, variant_id=variant_id, alt=alt, sha256=sha256
    )
    pictures = store_renditions(image.pk, renditions_of(file))
    _describe(image, pictures)
    try:
        added = _insert(image, position, actor)
    except BaseException:
        delete_files(image.pk)
        raise
    if not added.is_new:
        delete_files(image.pk)
    return added


def _digest(file: IO[bytes]) -> str:
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(64 * 1024):
        digest.update(chunk)
        size += len(chunk)
    if size > FILE_MAX:
        raise ImageTooLargeError(f"It has {size} bytes.", maximum_bytes=FILE_MAX)
    file.seek(0)
    return digest.hexdigest()


def _added_before(product_id: UUID, sha256: str) -> ProductImage | None:
    return ProductImage.objects.filter(product_id=product_id, sha256=sha256).first()


def _check_room(product_id: UUID) -> None:
    if ProductImage.objects.filter(product_id=product_id).count() >= IMAGES_MAX:
        raise TooManyImagesError


def _describe(image: ProductImage, pictures: Mapping[str, Picture]) -> None:
    whole = pictures[FULL]
    image.key, image.width, image.height = whole
    image.thumbnails = {
        name: picture._asdict() for name, picture in pictures.items() if name != FULL
    }


@transaction.atomic
def _insert(image: ProductImage, position: int | None, actor: Actor) -> Added:
    """Under the product's lock: what was looked up before may have changed meanwhile."""
    product = lock_product(image.product_id)
    existing = _added_before(product.pk, image.sha256)
    if existing is not None:
        return Added(existing, is_new=False)
    _check_room(product.pk)
    image.position = next_position(product.pk) if position is None else position
    image.save(force_insert=True)
    record_image("added", image, actor, before=None, after=_facts(image))
    note_change(product, actor)
    return Added(image, is_new=True)


@transaction.atomic
def change_image(
    *,
    product_id: UUID,
    image_id: UUID,
    changes: Mapping[str, Any],
    check: Check,
    actor: Actor,
) -> ProductImage:
    """Change `alt`, `position` or `variant_id`; what is not there stays as it is.

    Raises ProductNotFoundError, ImageNotFoundError, VariantNotFoundError, and what `check` does.
    """
    product = lock_product(product_id)
    image = _lock_image(product.pk, image_id)
    check(image)
    check_variant(product.pk, changes.get("variant_id"))
    before = _facts(image)
    for name, value in changes.items():
        setattr(image, name, value)
    if _facts(image) != before:
        image.save(update_fields=list(changes))
        record_image("changed", image, actor, before=before, after=_facts(image))
        note_change(product, actor)
    return image


@transaction.atomic
def delete_image(*, product_id: UUID, image_id: UUID, check: Check, actor: Actor) -> None:
    """Remove an image for good; its files go when that is committed.

    Raises ProductNotFoundError, ImageNotFoundError, and what `check` does.
    """
    product = lock_product(product_id)
    image = _lock_image(product.pk, image_id)
    check(image)
    record_image("deleted", image, actor, before=_facts(image), after=None)
    image.delete()
    note_change(product, actor)
    transaction.on_commit(lambda: delete_files(image_id))


def _lock_image(product_id: UUID, image_id: UUID) -> ProductImage:
    """Caller holds the lock on the product."""
    rows = ProductImage.objects.filter(product_id=product_id, pk=image_id)
    image = rows.select_for_update(no_key=True).first()
    if image is None:
        raise ImageNotFoundError(f"There is no image {image_id} of this product.")
    return image


def _facts(image: ProductImage) -> dict[str, object]:
    facts = {name: getattr(image, name) for name in FACTS}
    return {**facts, "variant_id": str(image.variant_id) if image.variant_id else None}
