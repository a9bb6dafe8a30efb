"""Writing content once: to a temporary name, flushed to disk, then renamed to what it is."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from apps.ml_models.selectors.blobs import (
    artefact_storage,
    directory_of_batch,
    name_of_artefact,
    name_of_upload,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from uuid import UUID

    from django.core.files.storage import Storage

logger = logging.getLogger(__name__)

INCOMING = "incoming"  # the directory of what is being written
FILE_MODE = 0o600
DIRECTORY_MODE = 0o700


@dataclass(frozen=True, slots=True)
class Blob:
    """Content at rest: its name in the storage, SHA-256 in hex, length in bytes."""

    name: str
    sha256: str
    bytes: int


def store_artefact(chunks: Iterable[bytes]) -> Blob:
    """Write a model file under its digest; the same content again changes nothing."""
    return store(chunks, name_of_artefact)


def store_upload(chunks: Iterable[bytes]) -> Blob:
    """Write an upload under its digest into quarantine: a tree of its own, which nothing serves."""
    return store(chunks, name_of_upload)


def store(chunks: Iterable[bytes], name_of: Callable[[str], str]) -> Blob:
    """Write content under a name made of its SHA-256.

    The name appears with the whole content or not at all: on a file system by rename after
    fsync, elsewhere because object stores write so.
    """
    storage = artefact_storage()
    if isinstance(storage, FileSystemStorage):
        return _store_in_file_system(storage, chunks, name_of)
    return _store_elsewhere(storage, chunks, name_of)


def _store_in_file_system(
    storage: FileSystemStorage, chunks: Iterable[bytes], name_of: Callable[[str], str]
) -> Blob:
    incoming = Path(storage.path(INCOMING))
    incoming.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    temporary = incoming / uuid4().hex
    try:
        sha256, size = _write_flushed(temporary, chunks)
        name = name_of(sha256)
        target = Path(storage.path(name))
        target.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        temporary.replace(target)
        _flush_directory(target.parent)
    finally:
        temporary.unlink(missing_ok=True)
    return Blob(name, sha256, size)


def _write_flushed(path: Path, chunks: Iterable[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), size


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _store_elsewhere(
    storage: Storage, chunks: Iterable[bytes], name_of: Callable[[str], str]
) -> Blob:
    content = b"".join(chunks)
    sha256 = hashlib.sha256(content).hexdigest()
    name = name_of(sha256)
    if storage.exists(name):
        with storage.open(name, "wb") as file:  # once more, so that it counts as written now
            file.write(content)
    else:
        storage.save(name, ContentFile(content))
    return Blob(name, sha256, len(content))


def delete_batch_files(job_id: UUID) -> None:
    """Delete all files of a batch prediction; none there is as good."""
    storage, directory = artefact_storage(), directory_of_batch(job_id)
    try:
        _, names = storage.listdir(directory)
    except FileNotFoundError:
        return
    for name in names:
        storage.delete(f"{directory}/{name}")
    storage.delete(directory)


def delete_upload(sha256: str, *, before: datetime) -> bool:
    """Delete an upload's content unless it was written later than `before`; whether it is gone."""
    storage, name = artefact_storage(), name_of_upload(sha256)
    return _delete_if_abandoned(storage, name, before)


def delete_abandoned(*, before: datetime) -> int:
    """Delete what processes that died were writing and had not written since; how many files.

    Only a file system has such files: an object store drops what is not whole by itself.

    Args:
        before: aware; what was written to later may still be in work.
    """
    storage = artefact_storage()
    if not isinstance(storage, FileSystemStorage):
        return 0
    try:
        _, names = storage.listdir(INCOMING)
    except FileNotFoundError:
        return 0
    return sum(_delete_if_abandoned(storage, f"{INCOMING}/{name}", before) for name in names)


def _delete_if_abandoned(storage: Storage, name: str, before: datetime) -> bool:
    try:
        if storage.get_modified_time(name) >= before:
            return False
        storage.delete(name)
    except OSError as error:  # it was finished meanwhile, or this one cannot be deleted
        logger.warning("%s was not deleted: %s", name, error)
        return False
    return True
