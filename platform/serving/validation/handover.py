"""What a child has written, read by a process that believes nothing of it."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

from serving.artefact import FileRole, Manifest, verified
from serving.container import read_archive, read_json
from serving.documents import DocumentError, Node
from serving.errors import ArtefactError
from serving.golden import MAX_BYTES as MAX_GOLDEN_BYTES
from serving.golden import GoldenSet
from serving.keras_config import sanitised
from serving.plain_arrays import read_weights_back, save_weights
from serving.reasons import ReasonCode, explained
from serving.validation.exchange import ARRAYS, CONFIG, FILE_NAMES, GOLDEN, REPORT
from serving.validation.measuring import ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_REPORT_BYTES = 32 * 1_024 * 1_024  # a signature may have 4,096 features with vocabularies
MAX_CONFIG_BYTES = 2 * 1_024 * 1_024
ENGINES = ("tensorflow", "litert")
MEASURED = frozenset(str(rows) for rows in ROWS)
MAX_FIGURE = 2**50
MAX_TEXT = 500  # characters of a detail or a pointer


def read_report(out: Path) -> dict[str, object]:
    """The report of a child that found nothing wrong.

    Raises:
        ArtefactError: the reason that it gives, if that is one of ours, or sandbox_failed.
    """
    try:
        report = json.loads(read_file(out / REPORT, MAX_REPORT_BYTES))
    except (ValueError, RecursionError):
        report = None
    if not isinstance(report, dict):
        raise _unreadable()
    if report.get("ok") is not True:
        raise _refusal_of(report)
    return report


def _refusal_of(report: Mapping[str, object]) -> ArtefactError:
    reason = report.get("reason_code")
    if not isinstance(reason, str) or ":" in reason or not explained(reason):
        return _unreadable()
    return ArtefactError(reason, _text(report.get("pointer")), _text(report.get("detail")))


def _unreadable() -> ArtefactError:
    return ArtefactError(ReasonCode.SANDBOX_FAILED, "", "The validation left no readable result.")


def _text(value: object) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) and value.isprintable() else ""


def hand_over(out: Path, inputs: Path, *, max_bytes: int) -> None:
    """Read what the first child made, check it, and write it anew for the second.

    The configuration passes the list of allowed classes once more; arrays are plain numbers of
    the size they declare. Not one byte is copied: all is written from what was understood. One
    file is finished before the next is read, so that twice the largest is in memory at most.

    Raises:
        ArtefactError: plain_data_invalid and the like, or a code of the configuration.
    """
    config = sanitised(read_json(read_file(out / CONFIG, MAX_CONFIG_BYTES)))
    (inputs / CONFIG).write_text(json.dumps(config, allow_nan=False))
    _hand_over_weights(out / ARRAYS, inputs / ARRAYS, max_bytes)
    _hand_over_golden(out / GOLDEN, inputs / GOLDEN)


def _hand_over_weights(source: Path, target: Path, max_bytes: int) -> None:
    weights = read_weights_back(read_file(source, max_bytes), max_bytes=max_bytes)
    with target.open("wb") as file:
        save_weights(file, weights)


def _hand_over_golden(source: Path, target: Path) -> None:
    golden = GoldenSet.from_bytes(read_file(source, MAX_GOLDEN_BYTES))
    with target.open("wb") as file:
        golden.save(file)


def read_artefact(
    out: Path, report: Mapping[str, object], *, max_bytes: int
) -> tuple[Manifest, dict[FileRole, bytes]]:
    """Take over the files of the artefact, each with the size and digest that the manifest says.

    Raises:
        ArtefactError: manifest_invalid, archive_too_large, digest_mismatch, golden_invalid,
            sandbox_failed, or a code of the container or the configuration.
    """
    manifest = Manifest.from_document(report.get("manifest"))
    for role, entry in manifest.files.items():
        if entry.bytes > (MAX_GOLDEN_BYTES if role is FileRole.GOLDEN else max_bytes):
            raise ArtefactError(
                ReasonCode.ARCHIVE_TOO_LARGE, f"/files/{role}", "The file is too large."
            )
    files = {
        role: verified(read_file(out / FILE_NAMES[role], entry.bytes), entry.sha256)
        for role, entry in manifest.files.items()
    }
    GoldenSet.from_bytes(files[FileRole.GOLDEN])
    sanitised(read_archive(files[FileRole.KERAS], max_bytes=max_bytes).config)
    return manifest, files


def read_engines(report: Mapping[str, object]) -> dict[str, object]:
    """The figures of the engines, once they are of the shape that they should be.

    Raises:
        ArtefactError: sandbox_failed.
    """
    try:
        engines = Node(report.get("engines")).members(required=ENGINES)
        return {name: _figures_of(node) for name, node in engines.items()}
    except DocumentError:
        raise _unreadable() from None


def _figures_of(node: Node) -> dict[str, object]:
    ok = node.entries().get("ok", Node(None)).value
    if ok is not True:
        refusal = node.members(required=("ok", "reason_code", "detail"))
        reason = refusal["reason_code"].choice(ReasonCode)
        detail = refusal["detail"].text(at_most=MAX_TEXT)
        return {"ok": False, "reason_code": reason.value, "detail": detail}
    figures = node.members(
        required=("ok", "latency_us", "memory_bytes", "loaded_bytes"),
        optional=("largest_difference",),
    )
    checked: dict[str, object] = {
        "ok": True,
        "latency_us": {
            _rows_of(rows): value.finite()
            for rows, value in figures["latency_us"].entries().items()
        },
        "memory_bytes": {
            _rows_of(rows): value.integer(at_least=0, at_most=MAX_FIGURE)
            for rows, value in figures["memory_bytes"].entries().items()
        },
        "loaded_bytes": figures["loaded_bytes"].integer(at_least=0, at_most=MAX_FIGURE),
    }
    if "largest_difference" in figures:
        checked["largest_difference"] = figures["largest_difference"].finite()
    return checked


def _rows_of(text: str) -> str:
    if text not in MEASURED:
        raise DocumentError("", "A number of rows that is not measured.")
    return text


def read_file(path: Path, at_most: int) -> bytes:
    """A regular file of bounded size; never what a link points to.

    Raises:
        ArtefactError: sandbox_failed.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        raise ArtefactError(
            ReasonCode.SANDBOX_FAILED, "", "The validation left no result."
        ) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > at_most:
            raise ArtefactError(
                ReasonCode.SANDBOX_FAILED, "", "The validation left a strange result."
            )
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(at_most + 1)
    finally:
        os.close(descriptor)
