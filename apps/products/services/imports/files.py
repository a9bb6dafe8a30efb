"""Files of imports in the storage that web and workers share."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from django.core.files.base import File
from django.core.files.storage import storages

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from typing import IO
    from uuid import UUID

    from django.core.files.storage import Storage

logger = logging.getLogger(__name__)

DIRECTORY: Final = "product-imports"


def import_storage() -> Storage:
    return storages["default"]


def store_file(import_id: UUID, file: IO[bytes]) -> str:
    """Write an upload under the import's id; its storage key."""
    return import_storage().save(f"{DIRECTORY}/{import_id}.csv", File(file))


def open_file(key: str) -> BinaryIO:
    """Raises FileNotFoundError."""
    return cast("BinaryIO", import_storage().open(key, "rb"))


def delete_file(key: str) -> None:
    """None there is as good; what stays is purged."""
    try:
        import_storage().delete(key)
    except OSError as error:
        logger.warning("%s was not deleted: %s", key, error)


def delete_orphans(*, keys: Collection[str], now: datetime, hours: int) -> int:
    """Delete files that no open import has, when nobody has written to them for so long."""
    storage, before = import_storage(), now - timedelta(hours=hours)
    try:
        _, names = storage.listdir(DIRECTORY)
    except FileNotFoundError:  # there has never been one
        return 0
    orphans = [key for name in names if (key := f"{DIRECTORY}/{name}") not in keys]
    old = [key for key in orphans if storage.get_modified_time(key) < before]
    for key in old:
        delete_file(key)
    return len(old)
