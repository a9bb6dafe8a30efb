"""Which engine serves an artefact: LiteRT wherever it can, TensorFlow where it is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.artefact import FileRole
from serving.errors import RuntimeUnavailableError
from serving.loaders.keras import KerasLoader
from serving.loaders.litert import LiteRTLoader

if TYPE_CHECKING:
    from serving.artefact import Manifest, ReadFile
    from serving.loader import Loader

NEEDS_TENSORFLOW = "This model needs TensorFlow, which this process may not use."


def loader_for(
    manifest: Manifest,
    read: ReadFile,
    *,
    allow_tensorflow: bool,
    num_threads: int = 1,
    interpreters: int = 1,
) -> Loader:
    """The loader of a version in this process; nothing is read yet.

    Args:
        manifest: of the version.
        read: the content of a file by its entry.
        allow_tensorflow: whether this process may import it.
        num_threads: engine threads of one call.
        interpreters: calls that may be in the engine at the same time, where each needs its own.

    Raises:
        RuntimeUnavailableError: only TensorFlow runs it, and that is not allowed here.
    """
    if FileRole.LITERT in manifest.files:
        return LiteRTLoader(manifest, read, num_threads=num_threads, interpreters=interpreters)
    if not allow_tensorflow:
        raise RuntimeUnavailableError(NEEDS_TENSORFLOW)
    return KerasLoader(manifest, read, intra_op_threads=num_threads)
