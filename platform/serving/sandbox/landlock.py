"""Landlock: which files this process and its threads may touch from now on.

Linux' Documentation/userspace-api/landlock.rst; the constants are of linux/landlock.h. The
rights that a kernel does not know yet are left out, so that an old one still confines files.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from typing import TYPE_CHECKING, NamedTuple

from serving.sandbox.libc import syscall

if TYPE_CHECKING:
    from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE = 1 << 4, 1 << 5
MAKE_DIR, MAKE_REG = 1 << 7, 1 << 8
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
LEAST_VERSION = 2
"""Linux 5.19. The first version lets no file move from one folder to another, not even within what
may be written, and TensorFlow moves the variables of a SavedModel: every conversion would fail."""
FIRST_RIGHTS = (1 << 13) - 1  # all of the first version, among them making links, pipes, devices
RIGHTS_SINCE = {LEAST_VERSION: REFER, 3: TRUNCATE, 5: IOCTL_DEV}
NETWORK_VERSION, NETWORK_RIGHTS = 4, 0b11  # bind and connect of TCP
SCOPE_VERSION, SCOPES = 6, 0b11  # abstract UNIX sockets, signals
SIZES = {1: 8, NETWORK_VERSION: 16, SCOPE_VERSION: 24}  # of struct landlock_ruleset_attr

READ = READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | TRUNCATE | MAKE_REG
"""No folders, links, pipes, sockets or devices. What cannot be removed stays counted: a file that
is open and has no name takes room that nobody sees."""
FOLDERS = MAKE_DIR | REMOVE_DIR | REMOVE_FILE | REFER
"""For whoever needs folders. REFER lets a file move between those below."""
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
"""What the kernel takes for a rule on something that is no directory."""


class Confinement(NamedTuple):
    """Which parts of Landlock hold."""

    files: bool = False
    network: bool = False
    scope: bool = False


def version() -> int:
    """The ABI that this kernel has; 0 without Landlock, or when it is switched off."""
    try:
        return syscall(CREATE_RULESET, 0, 0, CREATE_RULESET_VERSION)
    except (OSError, AttributeError):
        return 0


def confine(
    readable: Iterable[str], writable: Iterable[str], *, folders: bool = False
) -> Confinement:
    """Allow these paths and no others, for good; nothing may be executed.

    The caller has set no_new_privs, which the kernel wants.

    Args:
        readable: files, and directories with all below.
        writable: directories in which files may be made and changed.
        folders: whether folders may be made there too, and everything be moved and removed.

    Raises:
        OSError: a path to be written does not exist, or the kernel refuses a rule.
    """
    abi = version()
    if abi < LEAST_VERSION:
        return Confinement()
    rights = handled(abi)
    writing = WRITE | (FOLDERS if folders else 0)
    ruleset = _ruleset(abi, rights)
    try:
        for path in readable:
            _allow(ruleset, path, READ & rights, must_exist=False)
        for path in writable:
            _allow(ruleset, path, writing & rights, must_exist=True)
        syscall(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return Confinement(files=True, network=abi >= NETWORK_VERSION, scope=abi >= SCOPE_VERSION)


def handled(abi: int) -> int:
    """Rights on files that are denied unless a rule gives them: all that the kernel knows."""
    rights = FIRST_RIGHTS
    for since, right in RIGHTS_SINCE.items():
        rights |= right if abi >= since else 0
    return rights


def _ruleset(abi: int, rights: int) -> int:
    size = max(length for since, length in SIZES.items() if abi >= since)
    content = struct.pack("=QQQ", rights, NETWORK_RIGHTS, SCOPES)[:size]
    return syscall(CREATE_RULESET, ctypes.create_string_buffer(content, size), size, 0)


def _allow(ruleset: int, path: str, rights: int, *, must_exist: bool) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        if must_exist:
            raise
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= ON_FILES
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, descriptor), 12)
        syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)
