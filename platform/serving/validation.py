"""An upload goes in, a validated artefact comes out; a child process does the dangerous part."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serving.artefact import FileRole, Manifest, verified
from serving.errors import ArtefactError, InvalidSignatureError
from serving.exchange import FILE_NAMES, OPTIONS, REPORT, SIGNATURE, UPLOAD
from serving.golden import GoldenSet
from serving.sandbox import SandboxLimits
from serving.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

SOURCE_ROOT = Path(__file__).resolve().parent.parent
CHILD = "serving.conversion"
MAX_REPORT_BYTES = 32 * 1_024 * 1_024  # a signature may have 4,096 features with vocabularies
MAX_STDERR_BYTES = 16 * 1_024  # kept for the log
MAX_GOLDEN_BYTES = 256 * 1_024 * 1_024
GROWTH = 4  # what the child writes (a SavedModel, a flatbuffer) to what was uploaded, at most
FLOOR_BYTES = 64 * 1_024 * 1_024  # it may write so much in any case
REASON_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
MAX_TEXT = 500  # characters of a detail or a pointer
INHERITED = ("LD_LIBRARY_PATH", "SYSTEMROOT")  # without these some interpreters do not start


@dataclass(frozen=True, slots=True)
class ValidationLimits:
    """What one validation may cost.

    Attributes:
        wall_seconds: until its process group is killed.
        memory_bytes: of address space; below 3 GiB TensorFlow does not get far.
        upload_bytes: of the file as uploaded, and of all it unpacks to.
    """

    wall_seconds: float = 90.0
    memory_bytes: int = 6 * 1_024**3
    upload_bytes: int = 256 * 1_024**2


@dataclass(frozen=True)
class ValidationResult:
    """A validated model.

    Attributes:
        files: content by role, as the manifest describes it.
        report: for people: the engines with their latencies, the sandbox that was active.
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
    """Check, load, run and convert a model in a process of its own.

    Args:
        upload: the .keras file, or where it lies.
        signature_document: None to take what the model says of itself.
        limits: of the process.
        python: an interpreter that has TensorFlow.

    Raises:
        ArtefactError: the model is not accepted; reason_code is stable, e.g.
            class_not_allowed, load_timeout, memory_limit, sandbox_killed:SIGSEGV. No text
            of it comes from the host.
    """
    data = _read_upload(upload, limits.upload_bytes)
    _check_document(signature_document)
    with tempfile.TemporaryDirectory(prefix="validation-") as directory:
        work = Path(directory)
        _write_inputs(work, data, signature_document, limits)
        _run_child(work, limits, python)
        report = _read_report(work)
        return _read_result(work, report, limits)


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


def _write_inputs(
    work: Path, data: bytes, document: Mapping[str, object] | None, limits: ValidationLimits
) -> None:
    sandbox = SandboxLimits(
        memory_bytes=limits.memory_bytes,
        cpu_seconds=max(1, round(limits.wall_seconds)),
        file_bytes=FLOOR_BYTES + GROWTH * limits.upload_bytes,
    )
    options = {"limits": sandbox.to_document(), "unpacked_bytes": limits.upload_bytes}
    (work / UPLOAD).write_bytes(data)
    (work / OPTIONS).write_text(json.dumps(options))
    if document is not None:
        (work / SIGNATURE).write_text(json.dumps(document))
    (work / "home").mkdir(mode=0o700)


def _environment(work: Path) -> dict[str, str]:
    """Nothing of ours: no database address, no secret."""
    home = str(work / "home")
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | {
        "CUDA_VISIBLE_DEVICES": "",
        "HOME": home,
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": home,
        "LANG": "C.UTF-8",
        "MALLOC_ARENA_MAX": "2",  # each arena reserves address space, which is limited
        "OMP_NUM_THREADS": "1",
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(SOURCE_ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TMPDIR": home,
    }


def _run_child(work: Path, limits: ValidationLimits, python: str) -> None:
    """Run the conversion to its end, or to ours.

    Raises:
        ArtefactError: it was killed, by us or by a limit, or it ended without a result.
    """
    log = work / "stderr.log"
    with log.open("wb") as stderr:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
            [python, "-P", "-s", "-m", CHILD, "--work", str(work)],
            cwd=work,
            env=_environment(work),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            status = child.wait(limits.wall_seconds)
        except subprocess.TimeoutExpired:
            raise ArtefactError(
                "load_timeout", "", f"It took longer than {limits.wall_seconds:g} seconds."
            ) from None
        finally:
            _kill_group(child)
    if status != 0:
        raise _ended_badly(status, _tail(log))


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it may have started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)  # start_new_session: the group has the child's id
    child.wait()


def _tail(log: Path) -> bytes:
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - MAX_STDERR_BYTES))
        return file.read()


def _ended_badly(status: int, stderr: bytes) -> ArtefactError:
    logger.warning("Validation ended with %s: %s", status, stderr.decode("utf-8", "replace"))
    if b"std::bad_alloc" in stderr or b"MemoryError" in stderr:
        return ArtefactError("memory_limit", "", "The model needs more memory than it may have.")
    if status > 0:
        return ArtefactError("sandbox_failed", "", "The validation ended without a result.")
    name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
    if name == "SIGXCPU":
        return ArtefactError("load_timeout", "", "It used up its processor time.")
    return ArtefactError(f"sandbox_killed:{name}", "", f"The validation was killed by {name}.")


def _read_report(work: Path) -> dict[str, object]:
    try:
        report = json.loads(_read_file(work / REPORT, MAX_REPORT_BYTES))
    except (ValueError, RecursionError):
        report = None
    if not isinstance(report, dict):
        raise ArtefactError("sandbox_failed", "", "The validation left no readable result.")
    if report.get("ok") is not True:
        raise _refusal_of(report)
    return report


def _refusal_of(report: Mapping[str, object]) -> ArtefactError:
    reason, pointer, detail = (
        report.get("reason_code"),
        report.get("pointer"),
        report.get("detail"),
    )
    if not isinstance(reason, str) or not REASON_CODE.fullmatch(reason):
        return ArtefactError("sandbox_failed", "", "The validation left no readable result.")
    return ArtefactError(reason, _text(pointer), _text(detail))


def _text(value: object) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) and value.isprintable() else ""


def _read_result(
    work: Path, report: Mapping[str, object], limits: ValidationLimits
) -> ValidationResult:
    """Take over the files, each with the size and digest that the manifest says."""
    manifest = Manifest.from_document(report.get("manifest"))
    _check_sizes(manifest, limits)
    files = {
        role: verified(_read_file(work / FILE_NAMES[role], entry.bytes), entry.sha256)
        for role, entry in manifest.files.items()
    }
    GoldenSet.from_bytes(files[FileRole.GOLDEN])
    about = {name: report[name] for name in ("engines", "sandbox") if name in report}
    return ValidationResult(manifest, files, about)


def _check_sizes(manifest: Manifest, limits: ValidationLimits) -> None:
    largest = FLOOR_BYTES + GROWTH * limits.upload_bytes
    for role, entry in manifest.files.items():
        if entry.bytes > (MAX_GOLDEN_BYTES if role is FileRole.GOLDEN else largest):
            raise ArtefactError("archive_too_large", f"/files/{role}", "The file is too large.")


def _read_file(path: Path, at_most: int) -> bytes:
    """A regular file of bounded size; never what a link points to."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        raise ArtefactError("sandbox_failed", "", "The validation left no result.") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > at_most:
            raise ArtefactError("sandbox_failed", "", "The validation left a strange result.")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)
