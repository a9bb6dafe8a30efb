"""LiteRT flatbuffers: the fast path, microseconds a call; the only importer of ai_edge_litert."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from serving.artefact import FileRole, verified
from serving.errors import ArtefactError, RuntimeUnavailableError
from serving.golden import GoldenSet

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

    from serving.artefact import Manifest, ReadFile
    from serving.servable import Servable, Tensors

SIGNATURE_NAME = "serving_default"
FIXED_BYTES = 256 * 1_024  # of one interpreter, beside its tensors
COPIES = 2  # the flatbuffer itself, and the packed weights of an interpreter


class LiteRTServable:
    """One interpreter for each thread: an interpreter runs one call at a time.

    The interpreters hang on a threading.local, so all of them go with this object.
    """

    engine = "litert"

    def __init__(self, content: bytes, *, num_threads: int = 1) -> None:
        self._content = content
        self._num_threads = num_threads
        self._local = threading.local()

    def predict(self, tensors: Tensors) -> Tensors:
        try:
            session: _Session = self._local.session
        except AttributeError:
            session = self._local.session = _Session(self._content, self._num_threads)
        return session.run(tensors)


class _Session:
    """One interpreter, resized only when the number of rows changes.

    Not locked: only the thread that made it may use it.
    """

    def __init__(self, content: bytes, num_threads: int) -> None:
        self._interpreter = _open(content, num_threads)
        runner = self._interpreter.get_signature_runner(SIGNATURE_NAME)
        self._inputs = [
            (name, int(details["index"])) for name, details in runner.get_input_details().items()
        ]
        self._outputs = [
            (name, int(details["index"])) for name, details in runner.get_output_details().items()
        ]
        self._rows = -1

    def run(self, tensors: Tensors) -> Tensors:
        interpreter = self._interpreter
        rows = len(tensors[self._inputs[0][0]])
        if rows != self._rows:
            self._resize(tensors, rows)
        for name, index in self._inputs:
            interpreter.set_tensor(index, tensors[name])
        interpreter.invoke()
        return {name: interpreter.get_tensor(index) for name, index in self._outputs}

    def _resize(self, tensors: Tensors, rows: int) -> None:
        self._rows = -1  # until it has worked: a failure in between leaves no half-resized graph
        for name, index in self._inputs:
            self._interpreter.resize_tensor_input(index, tensors[name].shape)
        self._interpreter.allocate_tensors()
        self._rows = rows


def _open(content: bytes, num_threads: int) -> Interpreter:
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_content=content, num_threads=num_threads)


class LiteRTLoader:
    """Serves the flatbuffer of an artefact.

    Args:
        manifest: of a version whose engines include LiteRT.
        read: the content of a file by its entry; its digest is checked here.
        num_threads: of one interpreter; with several callers 1 is best.
    """

    def __init__(self, manifest: Manifest, read: ReadFile, *, num_threads: int = 1) -> None:
        if FileRole.LITERT not in manifest.files:
            raise RuntimeUnavailableError("This model has no LiteRT form.")
        self._manifest = manifest
        self._read = read
        self._num_threads = num_threads

    def estimate_bytes(self) -> int:
        return FIXED_BYTES + COPIES * self._manifest.files[FileRole.LITERT].bytes

    def load(self) -> Servable:
        """Raises ArtefactError when the file is not the validated one or does not open."""
        content = self._content(FileRole.LITERT)
        servable = LiteRTServable(content, num_threads=self._num_threads)
        try:
            _Session(content, self._num_threads)
        except (ValueError, RuntimeError) as error:
            raise ArtefactError("load_failed", "", "LiteRT cannot open the model.") from error
        return servable

    def golden(self) -> GoldenSet | None:
        return GoldenSet.from_bytes(self._content(FileRole.GOLDEN))

    def unload(self) -> None:
        """The interpreters go with the servable."""

    def _content(self, role: FileRole) -> bytes:
        entry = self._manifest.files[role]
        return verified(self._read(entry), entry.sha256)
