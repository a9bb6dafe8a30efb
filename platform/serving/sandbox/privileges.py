"""Limits, and what is given up with prctl(2) and capset(2)."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from typing import TYPE_CHECKING

from serving.sandbox.libc import prctl, syscall
from serving.sandbox.syscalls import number_of

if TYPE_CHECKING:
    from serving.sandbox.policy import SandboxLimits

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
MAX_OPEN_FILES = 128
CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h
CAP_DAC_READ_SEARCH = 2
"""The one that root keeps: its own interpreter may lie in another user's folder. Landlock
bounds what it reads all the same."""


def limit_resources(limits: SandboxLimits) -> bool:
    """Set the rlimits, soft and hard, so that none can be lifted. Raises OSError."""
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
    return True


def die_with_parent() -> bool:
    """Be killed when the thread that started this process ends, prctl(2) PR_SET_PDEATHSIG."""
    return prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def forbid_dumps() -> bool:
    return prctl(PR_SET_DUMPABLE, 0)


def forbid_new_privileges() -> bool:
    return prctl(PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> bool:
    """Give up root's powers; True also for a user who has none."""
    number = number_of("capset")
    if number is None:
        return False
    kept = 1 << CAP_DAC_READ_SEARCH if os.geteuid() == 0 else 0
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    # two rows of effective, permitted, inheritable: capabilities 0 to 31, and 32 to 63
    sets = (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)
    try:
        syscall(number, header, sets)
    except OSError:  # CAP_DAC_READ_SEARCH is not ours to keep, as in a container: keep none
        try:
            syscall(number, header, (ctypes.c_uint32 * 6)())
        except OSError:
            return False
    return True
