"""One child process of a validation: started confined, watched, and always ended."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import signal
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from serving.documents import DocumentError, Node
from serving.errors import ArtefactError, SandboxUnavailableError
from serving.reasons import ReasonCode
from serving.sandbox import Layer, SandboxPolicy
from serving.validation.exchange import GO, INPUTS, OPTIONS, OUTPUTS
from serving.validation.folders import bytes_below
from serving.validation.reporting import TOO_LARGE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from serving.sandbox import SandboxLimits

logger = logging.getLogger(__name__)

PROGRAM = Path(__file__).resolve().parent / "child.py"
PACKAGE = PROGRAM.parents[1]  # serving, of which the children import what they need
MAX_LINE_BYTES = 4_096  # of what a child says on standard output
MAX_LOG_BYTES = 16 * 1_024  # of what it says on standard error: the end is kept, for the log
POLL_SECONDS = 0.1  # between two looks at the child and its files
FLAT_STAGE = "examine"  # sees the upload; may neither make folders nor remove or move anything
LIBRARIES = "LD_LIBRARY_PATH"  # without it some interpreters do not start
SYSTEM_PATHS = (
    *("/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/lib", "/lib64"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/localtime"),
    *("/dev/null", "/dev/urandom", "/dev/random", "/dev/zero"),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/self", "/proc/stat", "/proc/sys/vm"),
    *("/sys/devices/system", "/sys/fs/cgroup"),
)
"""What an interpreter, numpy and TensorFlow read of the system: libraries, the processor, chance.
/proc/self is the process itself, none of the others."""


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """How one child is to run.

    Attributes:
        stage: examine, which makes plain files alone, or rebuild, whose converter makes folders.
        directory: private; `in` is complete but for options.json, `out` is empty.
        limits: of the process.
        required: layers without which it does not begin.
        disk_bytes: of all files that it writes, together.
        options: more for its program.
    """

    stage: str
    directory: Path
    limits: SandboxLimits
    required: frozenset[Layer]
    disk_bytes: int
    options: Mapping[str, object]


class Child:
    """A process in a session of its own; leaving the context ends it and all it started.

    Raises:
        ArtefactError: from every method: it was killed, by us or by a limit, or did not do
            what a child does.
        SandboxUnavailableError: from start, when a required layer does not hold.
    """

    def __init__(self, plan: ChildPlan, *, deadline: float, python: str) -> None:
        self._plan = plan
        self._deadline = deadline
        self._python = python
        self._unread = b""
        self.layers: dict[str, bool] = {}

    def __enter__(self) -> Self:
        directory = self._plan.directory
        (directory / INPUTS / OPTIONS).write_text(json.dumps(self._options()))
        self._log = directory / "stderr.log"
        with self._log.open("wb") as stderr:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own program
                [self._python, "-I", "-B", str(PROGRAM), self._plan.stage, str(directory)],
                cwd=directory / OUTPUTS,
                env=_environment(directory / OUTPUTS),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)  # the session has the child's id
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def confined(self) -> None:
        """Wait until it says which layers hold: it has seen nothing of a stranger's by then."""
        try:
            said = Node(json.loads(self.line())).members(required=("layers", "missing"))
            missing = said["missing"].elements(at_most=len(Layer))
            layers = said["layers"].entries()
            named = tuple(layer.choice(Layer).value for layer in missing)
        except (ValueError, DocumentError):
            raise _strange() from None
        if named:
            logger.error("No model can be validated: the sandbox lacks %s", ", ".join(named))
            raise SandboxUnavailableError(named)
        self.layers = {layer.value: _holds(layers.get(layer.value)) for layer in Layer}

    def line(self) -> str:
        """The next line that it says; "" when it has come to a good end instead."""
        assert self._process.stdout is not None  # noqa: S101 - for mypy; it is a pipe
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            if len(self._unread) > MAX_LINE_BYTES:
                raise _strange()
            self._watch()
            if select.select([descriptor], [], [], POLL_SECONDS)[0]:
                piece = os.read(descriptor, MAX_LINE_BYTES)
                if not piece:
                    self.wait()
                    return ""
                self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode("utf-8", "replace")

    def go(self) -> None:
        """Tell it that its inputs are complete."""
        assert self._process.stdin is not None  # noqa: S101 - for mypy; it is a pipe
        with contextlib.suppress(BrokenPipeError):  # it is dead: wait will say so
            self._process.stdin.write(f"{GO}\n".encode())
            self._process.stdin.flush()

    def wait(self) -> None:
        """Wait for its end, which must be a good one."""
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = self._process.wait(POLL_SECONDS)
                break
            self._watch()
        if status != 0:
            raise _ended_badly(status, self._tail())

    def _watch(self) -> None:
        if time.monotonic() > self._deadline:
            raise ArtefactError(ReasonCode.LOAD_TIMEOUT, "", ReasonCode.LOAD_TIMEOUT.explanation)
        written = bytes_below(self._plan.directory / OUTPUTS) + self._log.stat().st_size
        if written > self._plan.disk_bytes:
            detail = "The model needs more room for files than it may have."
            raise ArtefactError(ReasonCode.FILE_LIMIT, "", detail)

    def _options(self) -> dict[str, object]:
        policy = policy_of(self._plan).to_document()
        return {"parent": os.getpid(), "policy": policy, **self._plan.options}

    def _tail(self) -> bytes:
        with self._log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - MAX_LOG_BYTES))
            return file.read()


def policy_of(plan: ChildPlan) -> SandboxPolicy:
    """What the child may still do: read code and its inputs, write its outputs."""
    return SandboxPolicy(
        limits=plan.limits,
        readable=(*_code_paths(), *SYSTEM_PATHS, str(plan.directory / INPUTS)),
        writable=(str(plan.directory / OUTPUTS),),
        folders=plan.stage != FLAT_STAGE,
        required=plan.required,
    )


def _code_paths() -> tuple[str, ...]:
    """The interpreter, its library, the installed packages, and this package."""
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    paths = sysconfig.get_paths()
    libraries = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    libraries |= set(os.environ.get(LIBRARIES, "").split(os.pathsep)) - {""}
    system = {"/", "/usr", "/usr/local"}  # of these SYSTEM_PATHS and the libraries are enough
    return tuple(sorted((prefixes - system) | libraries | {str(PACKAGE)}))


def _environment(home: Path) -> dict[str, str]:
    """Nothing of ours: no database address, no secret."""
    return {name: os.environ[name] for name in (LIBRARIES,) if name in os.environ} | {
        "CUDA_VISIBLE_DEVICES": "",
        "HOME": str(home),
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": str(home),
        "LANG": "C.UTF-8",
        "MALLOC_ARENA_MAX": "2",  # each arena reserves address space, which is limited
        "OMP_NUM_THREADS": "1",
        "PATH": os.defpath,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TMPDIR": str(home),
    }


def _holds(node: Node | None) -> bool:
    return node is not None and node.value is True


def _strange() -> ArtefactError:
    return ArtefactError(ReasonCode.SANDBOX_FAILED, "", "The validation said nothing readable.")


def _ended_badly(status: int, stderr: bytes) -> ArtefactError:
    logger.warning("Validation ended with %s: %s", status, stderr.decode("utf-8", "replace"))
    if b"std::bad_alloc" in stderr or b"MemoryError" in stderr:
        return ArtefactError(ReasonCode.MEMORY_LIMIT, "", TOO_LARGE)
    if status > 0:
        return ArtefactError(
            ReasonCode.SANDBOX_FAILED, "", "The validation ended without a result."
        )
    name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
    if name == "SIGXCPU":
        return ArtefactError(ReasonCode.LOAD_TIMEOUT, "", "It used up its processor time.")
    return ArtefactError(f"sandbox_killed:{name}", "", f"The validation was killed by {name}.")
