"""What the converting process takes away from itself before it touches a stranger's model."""

from __future__ import annotations

import ctypes
import resource
import signal
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.documents import Node


PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_NO_NEW_PRIVS = 38
MAX_LIMIT = 2**50
MAX_OPEN_FILES = 256


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """Hard limits of one process.

    Attributes:
        memory_bytes: of address space; TensorFlow alone maps about 2 GiB.
        cpu_seconds: of all threads together.
        file_bytes: of any one file written.
    """

    memory_bytes: int
    cpu_seconds: int
    file_bytes: int

    def to_document(self) -> dict[str, int]:
        return asdict(self)

    @classmethod
    def from_document(cls, node: Node) -> SandboxLimits:
        members = node.members(required=("memory_bytes", "cpu_seconds", "file_bytes"))
        return cls(
            **{
                name: value.integer(at_least=1, at_most=MAX_LIMIT)
                for name, value in members.items()
            }
        )


def limit_self(limits: SandboxLimits) -> dict[str, bool]:
    """Apply the limits to this process; none can be lifted again.

    Returns:
        Which of them hold, for the report. rlimits hold or raise; the rest is Linux's.
    """
    for kind, limit in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)  # noqa: PLW2901 - never above what is left
        resource.setrlimit(kind, (limit, limit))
    return {
        "rlimits": True,
        "no_new_privs": _prctl(PR_SET_NO_NEW_PRIVS, 1),
        "dies_with_parent": _prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
    }


def _prctl(option: int, argument: int) -> bool:
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return bool(libc.prctl(option, argument, 0, 0, 0) == 0)
    except (OSError, AttributeError):  # not Linux
        return False
