"""Keras to a validated artefact with a LiteRT form; runs in a child process, as a program only.

    python -m serving.conversion --work DIR

reads DIR/upload.keras, DIR/options.json and, when there is one, DIR/signature.json; writes
DIR/model.keras, DIR/model.tflite, DIR/golden.npz and, last of all, DIR/report.json.
"""

from __future__ import annotations

import argparse
import errno
import importlib.metadata
import json
import statistics
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from serving.artefact import FileRole, Manifest, entry_of
from serving.container import read_archive
from serving.documents import Node
from serving.errors import ArtefactError, GoldenMismatchError
from serving.exchange import FILE_NAMES, OPTIONS, REPORT, SIGNATURE, UPLOAD
from serving.exemplars import ROWS, golden_inputs
from serving.golden import GoldenSet, check_equal, largest_difference
from serving.keras_config import sanitised
from serving.keras_signature import complete_signature
from serving.loaders.keras import KerasServable, load_model, set_threads, trace
from serving.loaders.litert import SIGNATURE_NAME, LiteRTServable
from serving.sandbox import SandboxLimits, limit_self
from serving.warmup import warm_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.servable import Servable, Tensors
    from serving.signature import Signature

LATENCY_ROWS = (1, 8, 32, 128)
LATENCY_CALLS = 15  # of each size; the median is reported
PACKAGES = {"keras": "keras", "tensorflow": "tensorflow", "litert": "ai-edge-litert"}


@dataclass(frozen=True, slots=True)
class Converted:
    """A validated model: its manifest, and what is worth knowing about each engine."""

    manifest: Manifest
    engines: dict[str, dict[str, object]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert, and report; 0 also for a refusal, which is a result."""
    parser = argparse.ArgumentParser(prog="serving.conversion")
    parser.add_argument("--work", type=Path, required=True, help="a private directory")
    work: Path = parser.parse_args(arguments).work
    options = Node(json.loads((work / OPTIONS).read_text())).members(
        required=("limits", "unpacked_bytes")
    )
    active = limit_self(SandboxLimits.from_document(options["limits"]))
    report = _report(work, options["unpacked_bytes"].integer(at_least=1, at_most=2**50))
    (work / REPORT).write_text(json.dumps(report | {"sandbox": active}))
    return 0


def _report(work: Path, unpacked_bytes: int) -> dict[str, object]:
    try:
        converted = convert(work, unpacked_bytes=unpacked_bytes)
    except ArtefactError as error:
        return _refusal(error.reason_code, error.pointer, error.detail)
    except MemoryError:
        return _refusal("memory_limit", "", "The model needs more memory than it may have.")
    except Exception as error:  # noqa: BLE001 - the parent must learn that it failed, and nothing of the host
        return _refusal(*_reason_of(error))
    return {
        "ok": True,
        "manifest": converted.manifest.to_document(),
        "engines": converted.engines,
    }


def _refusal(reason_code: str, pointer: str, detail: str) -> dict[str, object]:
    return {"ok": False, "reason_code": reason_code, "pointer": pointer, "detail": detail}


def _reason_of(error: BaseException) -> tuple[str, str, str]:
    """Code, pointer, detail; the message of a foreign error may hold paths, its type does not."""
    name = type(error).__name__
    if name in {"MemoryError", "ResourceExhaustedError"}:
        return "memory_limit", "", "The model needs more memory than it may have."
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return "file_limit", "", "The model needs larger files than it may write."
    return "load_failed", "", f"The model cannot be loaded and run ({name})."


def convert(work: Path, *, unpacked_bytes: int) -> Converted:
    """Check the upload, load it, build its golden set, convert it, compare the engines.

    Raises:
        ArtefactError: with the reason why the model is not accepted.
    """
    archive = read_archive((work / UPLOAD).read_bytes(), max_bytes=unpacked_bytes)
    canonical = replace(archive, config=sanitised(archive.config)).to_bytes()
    keras_path = work / FILE_NAMES[FileRole.KERAS]
    keras_path.write_bytes(canonical)
    document = _read_signature(work / SIGNATURE)

    set_threads(1, 1)
    model = load_model(keras_path)
    signature = complete_signature(model, document)
    reference = KerasServable(function := trace(model, signature))
    golden = build_golden(reference, signature)
    files = {FileRole.KERAS: canonical, FileRole.GOLDEN: golden.to_bytes()}
    engines: dict[str, dict[str, object]] = {
        "tensorflow": {"ok": True, "latency_us": _latencies(reference, golden)}
    }
    flatbuffer, engines["litert"] = _try_litert(work, model, function, golden)
    if flatbuffer is not None:
        files[FileRole.LITERT] = flatbuffer
    for role, content in files.items():
        (work / FILE_NAMES[role]).write_bytes(content)
    manifest = Manifest(
        files={role: entry_of(content) for role, content in files.items()},
        signature=signature,
        versions={name: importlib.metadata.version(package) for name, package in PACKAGES.items()},
        golden_rows=golden.rows,
    )
    return Converted(manifest, engines)


def _read_signature(path: Path) -> object:
    return json.loads(path.read_text()) if path.exists() else None


def build_golden(reference: Servable, signature: Signature) -> GoldenSet:
    """Inputs within the signature's ranges, and what TensorFlow answers to them.

    Raises:
        ArtefactError: output_not_finite; not_deterministic; rows_not_independent, when a row
            alone gets another answer than the same row among others.
    """
    inputs = golden_inputs(signature, rows=ROWS)
    outputs = reference.predict(inputs)
    for name, array in outputs.items():
        if not np.isfinite(array).all():
            raise ArtefactError("output_not_finite", "", f"Output {name!r} has NaN or infinity.")
        if array.shape[:1] != (ROWS,):
            raise ArtefactError("rows_not_independent", "", f"Output {name!r} is not one a row.")
    golden = GoldenSet(inputs, outputs)
    try:
        check_equal(reference.predict(inputs), outputs)
    except GoldenMismatchError as error:
        raise ArtefactError("not_deterministic", "", error.detail) from None
    try:
        warm_up(reference, golden)
    except GoldenMismatchError as error:
        raise ArtefactError("rows_not_independent", "", error.detail) from None
    return golden


def _try_litert(
    work: Path,
    model: Any,  # noqa: ANN401 - TensorFlow ships no types
    function: Any,  # noqa: ANN401 - TensorFlow ships no types
    golden: GoldenSet,
) -> tuple[bytes | None, dict[str, object]]:
    """The flatbuffer and its figures, or None and why LiteRT cannot run this model."""
    try:
        content = convert_to_litert(model, function, work / "tmp")
    except Exception as error:  # noqa: BLE001 - the converter raises anything; the model stays usable
        return None, {"ok": False, "reason_code": "not_convertible", "detail": type(error).__name__}
    servable = LiteRTServable(content)
    try:
        warm_up(servable, golden)
        difference = largest_difference(servable.predict(golden.inputs), golden.outputs)
    except GoldenMismatchError as error:
        return None, {"ok": False, "reason_code": "parity", "detail": error.detail}
    except (ValueError, RuntimeError) as error:
        return None, {"ok": False, "reason_code": "litert_failed", "detail": type(error).__name__}
    return content, {
        "ok": True,
        "largest_difference": difference,
        "latency_us": _latencies(servable, golden),
    }


def convert_to_litert(model: Any, function: Any, directory: Path) -> bytes:  # noqa: ANN401 - TensorFlow ships no types
    """The flatbuffer of a traced model, built-in operations only.

    By way of a SavedModel that holds the variables and not the model: both
    from_concrete_functions and a SavedModel with a Keras 3 model inside silently give wrong
    constants (answers 0.7 off, or NaN), without an error or a warning.
    """
    import tensorflow as tf  # noqa: PLC0415 - after the process has limited itself

    holder = tf.Module()
    holder.captured = [variable.value for variable in model.variables]
    tf.saved_model.save(holder, str(directory), signatures={SIGNATURE_NAME: function})
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(directory), signature_keys=[SIGNATURE_NAME]
    )
    return bytes(converter.convert())


def _latencies(servable: Servable, golden: GoldenSet) -> dict[str, float]:
    """Median microseconds of a call by its number of rows."""
    return {str(rows): _latency(servable, golden, rows) for rows in LATENCY_ROWS}


def _latency(servable: Servable, golden: GoldenSet, rows: int) -> float:
    chosen = np.arange(rows) % golden.rows
    inputs: Tensors = {name: array[chosen] for name, array in golden.inputs.items()}
    servable.predict(inputs)
    seconds = []
    for _ in range(LATENCY_CALLS):
        started = time.perf_counter()
        servable.predict(inputs)
        seconds.append(time.perf_counter() - started)
    return round(statistics.median(seconds) * 1_000_000, 1)


if __name__ == "__main__":
    sys.exit(main())
