"""The second child: builds the model anew from plain data and makes the artefact of it.

It has never seen the upload. Its inputs are JSON that passed the list of allowed classes and
arrays that the parent has read and written again, so nothing that hid in the archive or in its
HDF5 can be in what it writes.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from serving.artefact import FileRole, Manifest, entry_of
from serving.container import read_archive
from serving.errors import ArtefactError
from serving.golden import GoldenSet, is_identical
from serving.keras_config import sanitised
from serving.keras_signature import complete_signature
from serving.loaders.keras import KerasServable, load_model, set_threads, trace
from serving.memory import Heap, resident_bytes
from serving.plain_arrays import read_weights_back
from serving.reasons import ReasonCode
from serving.validation.conversion import try_litert
from serving.validation.exchange import (
    ARRAYS,
    CONFIG,
    FILE_NAMES,
    GO,
    GOLDEN,
    INPUTS,
    OUTPUTS,
    SIGNATURE,
    read_document,
)
from serving.validation.measuring import measure
from serving.validation.reporting import report
from serving.validation.trial import build_golden

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from serving.documents import Node
    from serving.servable import Tensors
    from serving.signature import Signature

PACKAGES = {"keras": "keras", "tensorflow": "tensorflow", "litert": "ai-edge-litert"}
SAVED = "saved.keras"
SEED = 20_240_229  # of states that nobody set, such as a dropout's: the same model, the same bytes
MAX_BYTES = 2**40  # the parent has checked the sizes


def main(work: Path, _: dict[str, Node]) -> int:
    """Import everything, wait for the inputs, work."""
    import tensorflow  # noqa: F401, ICN001, PLC0415 - four seconds, while the first child works

    if sys.stdin.readline().strip() != GO:
        return 1  # the first child refused the model
    out = work / OUTPUTS
    return report(lambda: rebuild(work / INPUTS, out), out, otherwise=ReasonCode.REBUILD_FAILED)


def rebuild(source: Path, out: Path) -> Mapping[str, object]:
    """Stages 5 and 6: rebuild, compare, write the files of the artefact.

    Args:
        source: holds config.json, weights.npz, golden.npz and, when there is one, the
            signature document, all written by the parent.
        out: gets model.keras, golden.npz and, when LiteRT can run it, model.tflite.

    Returns:
        The manifest, and the figures of each engine.

    Raises:
        ArtefactError: rebuild_failed, rebuild_differs, signature_mismatch.
    """
    import keras  # noqa: PLC0415 - after the process has limited itself

    set_threads(1, 1)
    keras.utils.set_random_seed(SEED)
    model = _build(
        json.loads((source / CONFIG).read_text()),
        read_weights_back((source / ARRAYS).read_bytes(), max_bytes=MAX_BYTES),
    )
    signature = complete_signature(model, read_document(source / SIGNATURE))
    wanted = GoldenSet.from_bytes((source / GOLDEN).read_bytes())
    golden = build_golden(KerasServable(trace(model, signature)), signature)
    _check_same(golden.inputs, wanted.inputs)
    _check_same(golden.outputs, wanted.outputs)

    canonical = _canonical(model, out / SAVED)
    served, figures = _as_served(canonical, out / FILE_NAMES[FileRole.KERAS], golden, signature)
    flatbuffer, litert = try_litert(*served, golden, out / "saved_model")
    files = {FileRole.KERAS: canonical, FileRole.GOLDEN: golden.to_bytes()}
    if flatbuffer is not None:
        files[FileRole.LITERT] = flatbuffer
    for role, content in files.items():
        (out / FILE_NAMES[role]).write_bytes(content)
    return {
        "manifest": _manifest(files, signature, golden).to_document(),
        "engines": {"tensorflow": figures, "litert": litert},
    }


def _build(config: dict[str, object], weights: list[npt.NDArray[np.generic]]) -> Any:  # noqa: ANN401 - TensorFlow ships no types
    import keras  # noqa: PLC0415 - see above

    model = keras.saving.deserialize_keras_object(config, safe_mode=True)
    if not isinstance(model, keras.Model):
        raise ArtefactError(
            ReasonCode.ROOT_NOT_A_MODEL, "/class_name", ReasonCode.ROOT_NOT_A_MODEL.explanation
        )
    try:
        model.set_weights(weights)
    except ValueError as error:
        raise ArtefactError(
            ReasonCode.PLAIN_DATA_INVALID, "", "The weights are not those of the configuration."
        ) from error
    for layer in model._flatten_layers():  # noqa: SLF001 - the public `layers` leaves out wrapped ones
        if layer.built and hasattr(layer, "finalize_state"):
            layer.finalize_state()  # Normalization keeps constants made of its weights
    return model


def _check_same(got: Tensors, wanted: Tensors) -> None:
    if not is_identical(got, wanted):
        raise ArtefactError(ReasonCode.REBUILD_DIFFERS, "", ReasonCode.REBUILD_DIFFERS.explanation)


def _canonical(model: Any, path: Path) -> bytes:  # noqa: ANN401 - TensorFlow ships no types
    """The .keras file that is served: saved by Keras, its container by us."""
    model.save(path)
    archive = read_archive(path.read_bytes(), max_bytes=MAX_BYTES)
    return replace(archive, config=sanitised(archive.config)).to_bytes()


def _as_served(
    content: bytes, path: Path, golden: GoldenSet, signature: Signature
) -> tuple[tuple[Any, Any], dict[str, object]]:
    """The model as a loader will have it, its function, and the figures of TensorFlow."""
    path.write_bytes(content)
    heap = Heap()
    used, resident = heap.used_bytes(), resident_bytes()
    model = load_model(path)
    function = trace(model, signature)
    weights = sum(array.nbytes for array in model.get_weights())
    taken = max(heap.used_bytes() - used, resident_bytes() - resident, weights)
    servable = KerasServable(function)
    _check_same(servable.predict(golden.inputs), golden.outputs)
    return (model, function), {"ok": True, **measure(lambda: servable, golden, taken=taken)}


def _manifest(files: Mapping[FileRole, bytes], signature: Signature, golden: GoldenSet) -> Manifest:
    return Manifest(
        files={role: entry_of(content) for role, content in files.items()},
        signature=signature,
        versions={name: importlib.metadata.version(package) for name, package in PACKAGES.items()},
        golden_rows=golden.rows,
    )
