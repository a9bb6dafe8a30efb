"""Files of pictures in the storage: written before their row, removed after it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.core.files.base import ContentFile

from apps.products.models import ProductImage
from apps.products.selectors.images import Picture, directory_of, image_storage
from apps.products.services.images.limits import ORPHAN_HOURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from django.core.files.storage import Storage

    from apps.products.services.images.pictures import Rendition

logger = logging.getLogger(__name__)


def store_renditions(image_id: UUID, renditions: Iterable[Rendition]) -> dict[str, Picture]:
    """Write each under the image's own directory, by its digest; where it lies, by size.

    The id is new, so that nobody else writes there, and nobody deletes there before a day is over.
    """
    return {each.name: _store(image_id, each) for each in renditions}


def _store(image_id: UUID, rendition: Rendition) -> Picture:
    key = f"{directory_of(image_id)}/{rendition.sha256}.webp"
    storage = image_storage()
    if not storage.exists(key):  # two sizes may be the same bytes
        storage.save(key, ContentFile(rendition.content))
    return Picture(key, rendition.width, rendition.height)


def delete_files(image_id: UUID) -> None:
    """Delete an image's files; none there is as good, and what stays is swept up."""
    storage, directory = image_storage(), directory_of(image_id)
    try:
        _, names = storage.listdir(directory)
        for name in names:
            storage.delete(f"{directory}/{name}")
        storage.delete(directory)
    except FileNotFoundError:
        return
    except OSError as error:
        logger.warning("Files of image %s were not deleted: %s", image_id, error)


def purge_orphaned_images(*, now: datetime) -> int:
    """Delete the files of images that have no row, a day after they were written; how many images.

    An image's id is made anew for each upload, so that what has no row for a day never gets one.
    """
    before = now - timedelta(hours=ORPHAN_HOURS)
    orphans = 0
    for found in _directories(image_storage()):
        known = set(ProductImage.objects.filter(pk__in=found).values_list("pk", flat=True))
        for image_id in found - known:
            if _is_older(image_id, before):
                delete_files(image_id)
                orphans += 1
    return orphans


def _directories(storage: Storage) -> Iterator[set[UUID]]:
    """Ids of the images that have files, one shelf of the storage at a time."""
    for shelf in _folders(storage, ""):
        found = {image_id for name in _folders(storage, shelf) if (image_id := _id_of(name))}
        if found:
            yield found


def _folders(storage: Storage, path: str) -> list[str]:
    try:
        return list(storage.listdir(path)[0])
    except FileNotFoundError:  # there has never been one
        return []


def _id_of(name: str) -> UUID | None:
    """What has another name is not ours to judge."""
    try:
        return UUID(name)
    except ValueError:
        return None


def _is_older(image_id: UUID, before: datetime) -> bool:
    """By the time in the id: 48 bits of milliseconds (RFC 9562 section 5.7)."""
    return (image_id.int >> 80) < before.timestamp() * 1000
