"""Where content lies in the storage named `artefacts`, and reading it.

Model files are named by their SHA-256, so they are written once and shared by the versions that
have them; files of a batch prediction lie together under its id, so that they go together.
Uploads lie in quarantine, named by their SHA-256 too, in a tree that no version is served from:
whatever a manifest says, it cannot name one.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, cast
from uuid import UUID

from django.core.files.storage import storages

from apps.ml_models.errors import ArtefactMissingError
from serving.artefact import SHA256

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files.storage import Storage

STORAGE = "artefacts"
BATCHES = "batch-predictions"  # the directory of theirs
QUARANTINE = "quarantine"  # the directory of uploads


def artefact_storage() -> Storage:
    return storages[STORAGE]


def name_of_artefact(sha256: str) -> str:
    """Two levels, so that no directory grows past a few thousand entries."""
    return f"models/sha256/{sha256[:2]}/{sha256}"


def name_of_upload(sha256: str) -> str:
    return f"{QUARANTINE}/{sha256[:2]}/{sha256}"


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


def open_upload(sha256: str) -> BinaryIO:
    """An upload; one from before there was a quarantine lies among the artefacts."""
    try:
        return open_blob(name_of_upload(sha256))
    except ArtefactMissingError:
        return open_blob(name_of_artefact(sha256))


def read_upload(sha256: str) -> bytes:
    """All of an upload. The caller checks the digest of what it got."""
    with open_upload(sha256) as file:
        return file.read()


def has_upload(sha256: str) -> bool:
    """Whether there is content to validate, in quarantine or from before there was one."""
    storage = artefact_storage()
    return any(storage.exists(name_of(sha256)) for name_of in (name_of_upload, name_of_artefact))


def uploads_in_quarantine() -> Iterator[str]:
    """Digests of all uploads whose content is there, whether a version has them or not."""
    storage = artefact_storage()
    for directory in _listed(storage, QUARANTINE)[0]:
        for name in _listed(storage, f"{QUARANTINE}/{directory}")[1]:
            if SHA256.fullmatch(name) and name.startswith(directory):
                yield name


def _listed(storage: Storage, directory: str) -> tuple[list[str], list[str]]:
    try:
        return storage.listdir(directory)
    except FileNotFoundError:  # there has never been one
        return [], []
