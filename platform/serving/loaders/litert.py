"""LiteRT flatbuffers: the fast path, microseconds a call; the only importer of ai_edge_litert."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from serving.artefact import FileRole, verified
from serving.errors import ArtefactError, RuntimeUnavailableError
from serving.golden import GoldenSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ai_edge_litert.interpreter import Interpreter

    from serving.artefact import Manifest, ReadFile
    from serving.servable import Servable, Tensors

SIGNATURE_NAME = "serving_default"
FIXED_BYTES = 256 * 1_024  # of one interpreter, beside its weights (160 KiB were measured)


class LiteRTServable:
    """A pool of interpreters, since each runs one call at a time.

    A call takes the one that was used last and puts it back. The pool is opened and warmed before
    anybody calls, one interpreter for each thread that may call at the same time, so no caller
    waits for one to be made. If there are more callers after all, one more is opened and stays.

    Args:
        content: the flatbuffer.
        num_threads: engine threads of one call.
        interpreters: of the pool.
    """

    engine = "litert"

    def __init__(self, content: bytes, *, num_threads: int = 1, interpreters: int = 1) -> None:
        self._content = content
        self._num_threads = num_threads
        self._wanted = interpreters
        # pop() and append() of a deque are atomic ("Deques support thread-safe appends and pops",
        # library reference, collections), and cheaper than any lock
        self._idle = deque([_Session(content, num_threads)])
        self._opened = 1

    @property
    def interpreters(self) -> int:
        """How many are open."""
        return self._opened

    def predict(self, tensors: Tensors) -> Tensors:
        try:
            session = self._idle.pop()
        except IndexError:
            session = self._open()
        try:
            return session.predict(tensors)
        finally:
            self._idle.append(session)

    def replicas(self) -> Iterator[Servable]:
        """Leave the first one ready for a single row as well, then open the others."""
        yield self._idle[0]
        while self._opened < self._wanted:
            session = self._open()
            yield session
            self._idle.append(session)

    def _open(self) -> _Session:
        self._opened += 1
        return _Session(self._content, self._num_threads)


class _Session:
    """One interpreter, resized only when the number of rows changes.

    Not locked: one thread at a time may use it.
    """

    engine = "litert"

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

    def predict(self, tensors: Tensors) -> Tensors:
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
        interpreters: calls that may be in the engine at the same time.
    """

    def __init__(
        self, manifest: Manifest, read: ReadFile, *, num_threads: int = 1, interpreters: int = 1
    ) -> None:
        if FileRole.LITERT not in manifest.files:
            raise RuntimeUnavailableError("This model has no LiteRT form.")
        self._manifest = manifest
        self._read = read
        self._num_threads = num_threads
        self._interpreters = interpreters

    def file_bytes(self) -> int:
        return self._manifest.files[FileRole.LITERT].bytes

    def estimate_bytes(self) -> int:
        """The flatbuffer once, and for each interpreter its tensors and its packed weights."""
        content = self.file_bytes()
        return content + self._interpreters * (FIXED_BYTES + content)

    def open_engine(self) -> None:
        from ai_edge_litert import interpreter  # noqa: F401 - for its memory

    def load(self) -> Servable:
        """Raises ArtefactError when the file is not the validated one or does not open."""
        content = self._content(FileRole.LITERT)
        try:
            return LiteRTServable(
                content, num_threads=self._num_threads, interpreters=self._interpreters
            )
        except (ValueError, RuntimeError) as error:
            raise ArtefactError("load_failed", "", "LiteRT cannot open the model.") from error

    def golden(self) -> GoldenSet | None:
        return GoldenSet.from_bytes(self._content(FileRole.GOLDEN))

    def unload(self) -> None:
        """The interpreters go with the servable."""

    def _content(self, role: FileRole) -> bytes:
        entry = self._manifest.files[role]
        return verified(self._read(entry), entry.sha256)
