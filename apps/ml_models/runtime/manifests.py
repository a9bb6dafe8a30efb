"""The manifests of the versions this process may load, and their loaders."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.ml_models.errors import ArtefactMissingError
from apps.ml_models.models import ModelVersion
from apps.ml_models.selectors.blobs import read_artefact
from apps.ml_models.selectors.routing import manifests_of
from serving.artefact import Manifest
from serving.errors import ArtefactError, RuntimeUnavailableError
from serving.ids import ServableId
from serving.loaders.choice import NEEDS_TENSORFLOW, loader_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from apps.ml_models.selectors.routing import VersionRow
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
        interpreters: calls that this process runs at the same time.
    """

    def __init__(self, *, allow_tensorflow: bool, num_threads: int, interpreters: int = 1) -> None:
        self._allow_tensorflow = allow_tensorflow
        self._num_threads = num_threads
        self._interpreters = interpreters
        self._books: dict[ServableId, _Book] = {}
        self._faults: dict[ServableId, ArtefactError] = {}

    def hold(self, rows: Iterable[VersionRow]) -> None:
        """Hold exactly these versions. Only manifests that are not held yet are read."""
        wanted = {ServableId(row.model, row.number): row for row in rows}
        unread = [row.id for key, row in wanted.items() if not self._holds(key, row)]
        documents = manifests_of(unread) if unread else {}
        books, faults = {}, {}
        for servable_id, row in wanted.items():
            try:
                books[servable_id] = (
                    self._books[servable_id]
                    if self._holds(servable_id, row)
                    else _open(row.artefact_digest, documents.get(row.id) or {})
                )
            except ArtefactError as error:
                faults[servable_id] = error
                if servable_id not in self._faults:
                    logger.exception("The manifest of %s cannot be used.", servable_id)
        self._books, self._faults = books, faults  # as a whole: others look into them meanwhile

    def _holds(self, servable_id: ServableId, row: VersionRow) -> bool:
        book = self._books.get(servable_id)
        return book is not None and book.digest == row.artefact_digest

    def add(self, version: ModelVersion) -> ServableId:
        """Hold one more version. Raises ArtefactError when its manifest is not what was stored."""
        servable_id = ServableId(version.model.name, version.number)
        known = self._books.get(servable_id)
        if known is None or known.digest != version.artefact_digest:
            self._books[servable_id] = _open(version.artefact_digest, version.manifest or {})
        return servable_id

    def has(self, servable_id: ServableId) -> bool:
        return servable_id in self._books

    def fault_of(self, servable_id: ServableId) -> ArtefactError | None:
        """Why a version that was to be held is not."""
        return self._faults.get(servable_id)

    def signature_of(self, servable_id: ServableId) -> Signature | None:
        book = self._books.get(servable_id)
        return None if book is None else book.manifest.signature

    def find_loader(self, servable_id: ServableId) -> Loader | None:
        """The loader of a version; None when it is not held, e.g. let go of this moment."""
        book = self._books.get(servable_id)
        return None if book is None else self._loader_of(book)

    def loader_of(self, servable_id: ServableId) -> Loader:
        """The loader of a version held here; one that cannot run here says so when it is loaded."""
        return self._loader_of(self._books[servable_id])

    def refusal_of(self, engine: str) -> RuntimeUnavailableError | None:
        """Why this process may never run a version of an engine; None when it may try."""
        if engine == ModelVersion.Engine.TENSORFLOW and not self._allow_tensorflow:
            return RuntimeUnavailableError(NEEDS_TENSORFLOW)
        return None

    def _loader_of(self, book: _Book) -> Loader:
        try:
            return loader_for(
                book.manifest,
                _read_file,
                allow_tensorflow=self._allow_tensorflow,
                num_threads=self._num_threads,
                interpreters=self._interpreters,
            )
        except RuntimeUnavailableError as error:
            return _RefusingLoader(error)


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

    def file_bytes(self) -> int:
        return 0

    def estimate_bytes(self) -> int:
        return 0

    def open_engine(self) -> None:
        """It may not."""

    def load(self) -> Servable:
        raise self.error

    def golden(self) -> GoldenSet | None:
        return None

    def unload(self) -> None:
        """Nothing was taken."""
