"""The names of what confines a process, and which of them a validation insists on."""

from __future__ import annotations

from enum import StrEnum


class Layer(StrEnum):
    """One thing that a process takes away from itself; each holds or does not."""

    RLIMITS = "rlimits"  # address space, processor time, file size, open files, core dumps
    CAPABILITIES = "capabilities"  # root keeps nothing but reading what it may read
    NOT_DUMPABLE = "not_dumpable"  # no core dump, no debugger of the same user
    DIES_WITH_PARENT = "dies_with_parent"
    NO_NEW_PRIVS = "no_new_privs"
    LANDLOCK = "landlock"  # files: what may be read, the one place that may be written
    LANDLOCK_NETWORK = "landlock_network"  # Linux 6.7: no TCP port, were there a socket
    LANDLOCK_SCOPE = "landlock_scope"  # Linux 6.12: no signal, no abstract socket outside
    SECCOMP = "seccomp"  # system calls


REQUIRED_LAYERS = frozenset({Layer.RLIMITS, Layer.NO_NEW_PRIVS, Layer.LANDLOCK, Layer.SECCOMP})
"""Without one of these no stranger's model is opened."""
