"""Pictures of products: where they lie, how documents show them, who may see them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from django.conf import settings
from django.core.files.storage import storages
from django.db.models import Prefetch
from django.urls import reverse

from apps.products.errors.images import ImageNotFoundError
from apps.products.models import Product, ProductImage
from apps.products.selectors.visible import check_seen, sees_all

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.core.files.storage import Storage
    from django.db.models import QuerySet

    from core.security.principal import Principal

logger = logging.getLogger(__name__)

STORAGE: Final = "images"
SIZES: Final = (128, 256, 512, 1024)  # pixels of the longest edge
FULL: Final = "full"
SIZE_NAMES: Final = (*(str(edge) for edge in SIZES), FULL)
CONTENT_TYPE: Final = "image/webp"


class Picture(NamedTuple):
    """One size of a picture at rest.

    Attributes:
        key: in the storage; its last part is the SHA-256 of the bytes.
        width, height: pixels.
    """

    key: str
    width: int
    height: int


def image_storage() -> Storage:
    return storages[STORAGE]


def directory_of(image_id: UUID) -> str:
    """By the id's last two digits, which are random, so that no directory grows large."""
    return f"{image_id.hex[-2:]}/{image_id}"


def picture_of(image: ProductImage, size: str) -> Picture:
    """One size of an image; what is smaller than a size is that size already."""
    entry = image.thumbnails.get(size)
    if entry is None:
        return Picture(image.key, image.width, image.height)
    return Picture(entry["key"], entry["width"], entry["height"])


def image_url(image: ProductImage, size: str) -> str:
    """Where anybody gets the bytes of one size of a picture; they never change."""
    return image_address(image.pk, size)


def image_address(image_id: UUID, size: str) -> str:
    """The same, where the id alone is known."""
    path = reverse("v1:product-image-content", kwargs={"image_id": image_id, "size": size})
    return f"{settings.PUBLIC_URL}{path}"


def image_document(image: ProductImage) -> dict[str, Any]:
    """A picture as every document of the API shows it."""
    return {
        "id": str(image.pk),
        "alt": image.alt,
        "width": image.width,
        "height": image.height,
        "sizes": sizes_document(image.pk, image.width, image.height, image.thumbnails),
    }


def sizes_document(
    image_id: UUID, width: int, height: int, thumbnails: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """By name of the size where its bytes are and how many pixels it has; made of columns."""
    whole = {"width": width, "height": height}
    return {name: _size(image_id, name, thumbnails.get(name, whole)) for name in SIZE_NAMES}


def _size(image_id: UUID, name: str, pixels: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "url": image_address(image_id, name),
        "width": pixels["width"],
        "height": pixels["height"],
    }


def with_images(prefix: str = "") -> Prefetch[Any, Any, Any]:
    """Prefetch for documents: the images of products in their order, at `product.images.all()`.

    Args:
        prefix: the path from the row to its product, with `__` behind, or empty.
    """
    return Prefetch(f"{prefix}images", ProductImage.objects.order_by("position", "id"))


def images_of(principal: Principal | None, product_id: UUID) -> QuerySet[ProductImage]:
    """The images of a product that this caller sees. Raises ProductNotFoundError.

    The order is the caller's.
    """
    check_seen(principal, product_id)
    return ProductImage.objects.filter(product_id=product_id)


def images_visible_to(principal: Principal | None) -> QuerySet[ProductImage]:
    """Those of active products; with catalog:write all."""
    rows = ProductImage.objects.all()
    return rows if sees_all(principal) else rows.filter(product__status=Product.Status.ACTIVE)


def image_for(principal: Principal | None, product_id: UUID, image_id: UUID) -> ProductImage:
    """Raises ImageNotFoundError, also for one of another product."""
    rows = images_visible_to(principal).filter(product_id=product_id)
    found = rows.filter(pk=image_id).first()
    if found is None:
        raise ImageNotFoundError(f"There is no image {image_id} of this product.")
    return found


class Content(NamedTuple):
    """The bytes of one size, ready to be read.

    Attributes:
        picture: which.
        is_public: whether anybody may see it, and keep it.
    """

    picture: Picture
    is_public: bool

    @property
    def digest(self) -> str:
        """SHA-256 in hex of the bytes, which are named by it."""
        return self.picture.key.rpartition("/")[2].partition(".")[0]

    def read(self) -> bytes:
        """All of it. Raises ImageNotFoundError: the storage has lost it."""
        try:
            with image_storage().open(self.picture.key, "rb") as file:
                return cast("bytes", file.read())
        except FileNotFoundError as error:
            logger.exception("%s is missing from the storage of images.", self.picture.key)
            raise ImageNotFoundError from error

    def size(self) -> int:
        """In bytes, without reading it. Raises ImageNotFoundError, as above."""
        try:
            return image_storage().size(self.picture.key)
        except FileNotFoundError as error:
            raise ImageNotFoundError from error


def content_for(principal: Principal | None, image_id: UUID, size: str) -> Content:
    """Raises ImageNotFoundError, also for a size that is not known."""
    rows = images_visible_to(principal).filter(pk=image_id).select_related("product")
    found = rows.only("key", "width", "height", "thumbnails", "product__status").first()
    if found is None or size not in SIZE_NAMES:
        raise ImageNotFoundError(f"There is no image {image_id} of that size.")
    return Content(picture_of(found, size), found.product.status == Product.Status.ACTIVE)
