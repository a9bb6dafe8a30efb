"""The manifests of the versions this process may load, and their loaders."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.ml_models.errors import ArtefactMissingError
from apps.ml_models.selectors.blobs import read_artefact
from serving.artefact import Manifest
from serving.errors import ArtefactError, RuntimeUnavailableError
from serving.ids import ServableId
from serving.loaders.choice import loader_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from apps.ml_models.models import ModelVersion
    from apps.ml_models.selectors.routing import RoutingTable
    from serving.artefact import FileEntry
    from serving.golden import GoldenSet
    from serving.loader import Loader
    from serving.servable import Servable
    from serving.signature import Signature

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Book:
    """One version's manifest, and the digest it was stored under."""

    digest: str
    manifest: Manifest


class Library:
    """Reads each manifest once and checks it against the digest that names the artefact.

    Args:
        allow_tensorflow: whether a loader of this process may import TensorFlow.
        num_threads: engine threads of one call.
    """

    def __init__(self, *, allow_tensorflow: bool, num_threads: int) -> None:
        self._allow_tensorflow = allow_tensorflow
        self._num_threads = num_threads
        self._books: dict[ServableId, _Book] = {}

    def keep(self, table: RoutingTable) -> None:
        """Hold exactly the versions of a routing table."""
        books = {}
        for name, rows in table.versions.items():
            for number, row in rows.items():
                servable_id = ServableId(name, number)
                book = self._books.get(servable_id)
                if book is None or book.digest != row.artefact_digest:
                    book = _read(servable_id, row.artefact_digest, row.manifest)
                if book is not None:
                    books[servable_id] = book
        self._books = books  # as a whole: callers look into it meanwhile

    def add(self, version: ModelVersion) -> ServableId:
        """Hold one more version. Raises ArtefactError when its manifest is not what was stored."""
        servable_id = ServableId(version.model.name, version.number)
        known = self._books.get(servable_id)
        if known is None or known.digest != version.artefact_digest:
            self._books[servable_id] = _open(version.artefact_digest, version.manifest or {})
        return servable_id

    def has(self, servable_id: ServableId) -> bool:
        return servable_id in self._books

    def signature_of(self, servable_id: ServableId) -> Signature | None:
        book = self._books.get(servable_id)
        return None if book is None else book.manifest.signature

    def loader_of(self, servable_id: ServableId) -> Loader:
        """The loader of a version held here; one that cannot run here says so when it is loaded."""
        return self._loader_of(self._books[servable_id])

    def refusal_of(self, servable_id: ServableId) -> RuntimeUnavailableError | None:
        """Why this process may never run a version; None when it may try, or holds no such one."""
        book = self._books.get(servable_id)
        loader = None if book is None else self._loader_of(book)
        return loader.error if isinstance(loader, _RefusingLoader) else None

    def _loader_of(self, book: _Book) -> Loader:
        try:
            return loader_for(
                book.manifest,
                _read_file,
                allow_tensorflow=self._allow_tensorflow,
                num_threads=self._num_threads,
            )
        except RuntimeUnavailableError as error:
            return _RefusingLoader(error)


def _read(servable_id: ServableId, digest: str, document: Mapping[str, Any] | None) -> _Book | None:
    """A version's manifest; None when it has none yet, or one that cannot be used."""
    if document is None:
        return None
    try:
        return _open(digest, document)
    except ArtefactError:
        logger.exception("The manifest of %s cannot be used.", servable_id)
        return None


def _open(digest: str, document: Mapping[str, Any]) -> _Book:
    manifest = Manifest.from_document(document)
    if manifest.digest != digest:
        raise ArtefactError("manifest_digest_mismatch", "", "The manifest is not the stored one.")
    return _Book(digest, manifest)


def _read_file(entry: FileEntry) -> bytes:
    try:
        return read_artefact(entry.sha256)
    except ArtefactMissingError as error:
        raise ArtefactError("artefact_missing", "", "A file of the artefact is missing.") from error


@dataclass(frozen=True, slots=True)
class _RefusingLoader:
    """Stands for a version that this process may not run."""

    error: RuntimeUnavailableError

    def estimate_bytes(self) -> int:
        return 0

    def load(self) -> Servable:
        raise self.error

    def golden(self) -> GoldenSet | None:
        return None

    def unload(self) -> None:
        """Nothing was taken."""
