"""Where content lies in the storage named `artefacts`, and reading it.

Model files are named by their SHA-256, so they are written once and shared by the versions that
have them; files of a batch prediction lie together under its id, so that they go together.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, cast
from uuid import UUID

from django.core.files.storage import storages

from apps.ml_models.errors import ArtefactMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files.storage import Storage

STORAGE = "artefacts"
BATCHES = "batch-predictions"  # the directory of theirs


def artefact_storage() -> Storage:
    return storages[STORAGE]


def name_of_artefact(sha256: str) -> str:
    """Two levels, so that no directory grows past a few thousand entries."""
    return f"models/sha256/{sha256[:2]}/{sha256}"


def directory_of_batch(job_id: UUID) -> str:
    return f"{BATCHES}/{job_id}"


def batches_with_files() -> Iterator[UUID]:
    """Ids of batch predictions that have files in the storage, whether they have a row or not."""
    try:
        names, _ = artefact_storage().listdir(BATCHES)
    except FileNotFoundError:  # there has never been one
        return
    for name in names:
        with suppress(ValueError):  # what has another name is not ours to judge
            job_id = UUID(name)
            if str(job_id) == name:
                yield job_id


def open_blob(name: str) -> BinaryIO:
    """Open for reading. Raises ArtefactMissingError when there is nothing of that name."""
    try:
        return cast("BinaryIO", artefact_storage().open(name, "rb"))
    except FileNotFoundError as error:
        raise ArtefactMissingError(f"{name} is missing from the storage.") from error


def read_artefact(sha256: str) -> bytes:
    """All of a model file. The caller checks the digest of what it got."""
    with open_blob(name_of_artefact(sha256)) as file:
        return file.read()
