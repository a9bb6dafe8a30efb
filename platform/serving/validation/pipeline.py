"""An upload goes in, a validated artefact comes out; two child processes do the dangerous part."""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serving.errors import ArtefactError, InvalidSignatureError
from serving.sandbox import REQUIRED_LAYERS, SandboxLimits
from serving.signature import Signature
from serving.validation.children import Child, ChildPlan
from serving.validation.exchange import GATES_PASSED, INPUTS, OUTPUTS, SIGNATURE, UPLOAD
from serving.validation.folders import private_directory, remove
from serving.validation.handover import hand_over, read_artefact, read_engines, read_report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from serving.artefact import FileRole, Manifest
    from serving.sandbox import Layer

logger = logging.getLogger(__name__)

GIBIBYTE = 1_024**3
LEAST_MEMORY = 5 * GIBIBYTE // 2
"""Bytes of address space that a child has in any case: TensorFlow's libraries map 1.5 GiB, the
converter of LiteRT another 0.2."""
BASE_MEMORY, MEMORY_GROWTH = 17 * GIBIBYTE // 10, 6
"""What it has for a large model: a base, and so many times the weights, for their copies and the
constants of the graph."""
PREFIX = "validation-"  # of the private directories
STALE_SECONDS = 6 * 3_600  # after which nobody works in one: many times the wall clock
MAX_RATIO = 20  # what an upload unpacks to, in times its size; the container refuses more
FLOOR_BYTES = 64 * 1_024 * 1_024  # that a child may write in any case
FILE_GROWTH, DISK_GROWTH = 2, 6
"""What it may write besides, one file and all together, in times the weights: HDF5, arrays, a
SavedModel, a flatbuffer."""


@dataclass(frozen=True, slots=True)
class ValidationLimits:
    """What one validation may cost.

    Attributes:
        wall_seconds: of both children together, until their process groups are killed.
        memory_bytes: of address space, at most; a child has less unless the model is large.
        upload_bytes: of the file as uploaded, and of all it unpacks to.
        required_layers: of the sandbox, without which nothing is opened.
    """

    wall_seconds: float = 90.0
    memory_bytes: int = 6 * GIBIBYTE
    upload_bytes: int = 256 * 1_024**2
    required_layers: frozenset[Layer] = REQUIRED_LAYERS


@dataclass(frozen=True)
class ValidationResult:
    """A validated model.

    Attributes:
        files: content by role, as the manifest describes it.
        report: for people: "engines" with their latencies and bytes, "sandbox" with each layer
            and whether it held in both children, "layers" with the names of those that did.
    """

    manifest: Manifest
    files: Mapping[FileRole, bytes]
    report: Mapping[str, object]


def validate_artefact(
    upload: bytes | Path,
    signature_document: Mapping[str, object] | None,
    limits: ValidationLimits,
    *,
    python: str = sys.executable,
) -> ValidationResult:
    """Check, load, try, rebuild and convert a model in two confined processes.

    The first sees the upload and leaves plain data; the second has never seen it and makes the
    artefact of that data. The second starts when the first begins to load the model, so that
    both import TensorFlow at the same time.

    Args:
        upload: the .keras file, or where it lies.
        signature_document: None to take what the model says of itself.
        limits: of the processes.
        python: an interpreter that has TensorFlow.

    Raises:
        ArtefactError: the model is not accepted; reason_code is one of serving.reasons. No text
            of it comes from the host.
        SandboxUnavailableError: this machine cannot confine the children; nothing was opened.
    """
    data = _read_upload(upload, limits.upload_bytes)
    _check_document(signature_document)
    _sweep(Path(tempfile.gettempdir()))
    with private_directory(PREFIX) as directory:
        return _Validation(directory, data, signature_document, limits, python).run()


def _read_upload(upload: bytes | Path, upload_bytes: int) -> bytes:
    size = len(upload) if isinstance(upload, bytes) else upload.stat().st_size
    if size > upload_bytes:
        raise ArtefactError("archive_too_large", "", f"At most {upload_bytes} bytes are allowed.")
    if size == 0:
        raise ArtefactError("not_a_keras_file", "", "The file is empty.")
    return upload if isinstance(upload, bytes) else upload.read_bytes()


def _check_document(document: Mapping[str, object] | None) -> None:
    if document is None:
        return
    try:
        Signature.from_document(document)
    except InvalidSignatureError as error:
        raise ArtefactError("signature_invalid", error.pointer, error.detail) from None


def _sweep(place: Path) -> None:
    """Remove what validations left behind whose worker was killed; no leftover stops this one."""
    for directory in place.glob(f"{PREFIX}*"):
        try:
            status = directory.lstat()
            stale = time.time() - status.st_mtime > STALE_SECONDS
            if stale and stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
                remove(directory)
        except FileNotFoundError:  # another sweep was faster
            continue
        except Exception:
            logger.exception("%s cannot be removed", directory)


class _Validation:
    """One run, in a private directory."""

    def __init__(
        self,
        directory: Path,
        data: bytes,
        document: Mapping[str, object] | None,
        limits: ValidationLimits,
        python: str,
    ) -> None:
        self._directory = directory
        self._data = data
        self._document = document
        self._limits = limits
        self._python = python
        self._deadline = time.monotonic() + limits.wall_seconds
        self._weights = min(limits.upload_bytes, MAX_RATIO * len(data))  # bytes, at most
        self._file_bytes = FLOOR_BYTES + FILE_GROWTH * self._weights

    def run(self) -> ValidationResult:
        (self._inputs("examine") / UPLOAD).write_bytes(self._data)
        with self._child("examine", unpacked_bytes=self._limits.upload_bytes) as first:
            first.confined()
            if first.line() == GATES_PASSED:
                return self._rebuild(first)
            first.wait()
            read_report(self._outputs("examine"))  # raises what it was refused for
            raise ArtefactError("sandbox_failed", "", "The validation passed over its gates.")

    def _rebuild(self, first: Child) -> ValidationResult:
        examined, made = self._outputs("examine"), self._outputs("rebuild")
        inputs = self._inputs("rebuild")
        with self._child("rebuild") as second:
            second.confined()
            first.wait()
            read_report(examined)
            hand_over(examined, inputs, max_bytes=self._file_bytes)
            second.go()
            second.wait()
        report = read_report(made)
        manifest, files = read_artefact(made, report, max_bytes=self._file_bytes)
        held = {layer: first.layers[layer] and second.layers[layer] for layer in first.layers}
        about = {
            "engines": read_engines(report),
            "sandbox": held,
            "layers": [layer for layer, holds in held.items() if holds],
        }
        return ValidationResult(manifest, files, about)

    def _child(self, stage: str, **options: object) -> Child:
        (self._outputs(stage)).mkdir(mode=0o700)
        if self._document is not None:
            (self._inputs(stage) / SIGNATURE).write_text(json.dumps(self._document))
        memory = max(LEAST_MEMORY, BASE_MEMORY + MEMORY_GROWTH * self._weights)
        plan = ChildPlan(
            stage=stage,
            directory=self._directory / stage,
            limits=SandboxLimits(
                memory_bytes=min(memory, self._limits.memory_bytes),
                cpu_seconds=max(1, round(self._limits.wall_seconds)),
                file_bytes=self._file_bytes,
            ),
            required=self._limits.required_layers,
            disk_bytes=FLOOR_BYTES + DISK_GROWTH * self._weights,
            options=options,
        )
        return Child(plan, deadline=self._deadline, python=self._python)

    def _inputs(self, stage: str) -> Path:
        path = self._directory / stage / INPUTS
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def _outputs(self, stage: str) -> Path:
        return self._directory / stage / OUTPUTS
