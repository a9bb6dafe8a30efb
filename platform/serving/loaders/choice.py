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


def loader_for(
    manifest: Manifest, read: ReadFile, *, allow_tensorflow: bool, num_threads: int = 1
) -> Loader:
    """The loader of a version in this process; nothing is read yet.

    Raises:
        RuntimeUnavailableError: only TensorFlow runs it, and that is not allowed here.
    """
    if FileRole.LITERT in manifest.files:
        return LiteRTLoader(manifest, read, num_threads=num_threads)
    if not allow_tensorflow:
        raise RuntimeUnavailableError(
            "This model needs TensorFlow, which this process may not use."
        )
    return KerasLoader(manifest, read, intra_op_threads=num_threads)
