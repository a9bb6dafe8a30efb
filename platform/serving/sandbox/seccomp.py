"""seccomp: which system calls this process and its threads may make from now on.

A filter is a program for a small machine in the kernel (seccomp(2); linux/filter.h). It sees
the architecture, the number of the call and its six arguments, never what they point to.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import TYPE_CHECKING

from serving.sandbox.libc import syscall
from serving.sandbox.syscalls import LAST_KNOWN, denied, machine, number_of

if TYPE_CHECKING:
    from collections.abc import Iterable

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # linux/audit.h
LOAD, MASK, RETURN = 0x20, 0x54, 0x06  # linux/bpf_common.h
IF_EQUAL, IF_GREATER, IF_ANY_BIT = 0x15, 0x25, 0x45
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
KILL, ALLOW, ERROR = 0x8000_0000, 0x7FFF_0000, 0x0005_0000  # linux/seccomp.h
SET_MODE_FILTER, GET_ACTION_AVAILABLE, ALL_THREADS = 1, 2, 1
CLONE_THREAD = 0x0001_0000  # linux/sched.h
NAMELESS = 0o20_000_000  # __O_TMPFILE of asm-generic/fcntl.h, without O_DIRECTORY

PRCTL_ALLOWED = (
    2,  # PR_GET_PDEATHSIG
    3,  # PR_GET_DUMPABLE
    15,  # PR_SET_NAME, of a thread
    16,  # PR_GET_NAME
    21,  # PR_GET_SECCOMP
    39,  # PR_GET_NO_NEW_PRIVS
    0x5356_4D41,  # PR_SET_VMA: the C library names its memory
)
"""By number, since with others a process takes back what it gave up."""
FCNTL_ALLOWED = (
    *range(8),  # F_DUPFD, flags, record locks; no F_SETOWN, which sends signals to any process
    *(36, 37, 38),  # the locks of open file descriptions
    1_030,  # F_DUPFD_CLOEXEC; no F_SETLEASE, which makes other processes wait
)
IOCTL_ALLOWED = (
    0x5401,  # TCGETS: is it a terminal?
    0x5413,  # TIOCGWINSZ
    0x541B,  # FIONREAD
    0x5421,  # FIONBIO
    *(0x5450, 0x5451),  # FIONCLEX, FIOCLEX
)
"""linux/fcntl.h and asm-generic/ioctls.h, the same on both machines."""


def supported() -> bool:
    """Whether this kernel filters calls and this machine's numbers are known."""
    known = machine()
    if known is None:
        return False
    try:
        action = ctypes.c_uint32(ERROR)
        syscall(_seccomp(), GET_ACTION_AVAILABLE, 0, ctypes.byref(action))
    except (OSError, AttributeError):
        return False
    return True


def filter_calls() -> bool:
    """Install the filter for good; False where it cannot be.

    The caller has set no_new_privs, which the kernel wants.
    """
    known = machine()
    if known is None:
        return False
    program = build(AUDIT_ARCH[known], own_id=os.getpid())
    code = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))  # struct sock_fprog
    try:
        syscall(_seccomp(), SET_MODE_FILTER, ALL_THREADS, ctypes.create_string_buffer(head))
    except OSError:
        return False
    return True


def _seccomp() -> int:
    number = number_of("seccomp")
    assert number is not None  # noqa: S101 - for mypy; both machines have it
    return number


def build(architecture: int, *, own_id: int) -> bytes:
    """The filter: refused by number, judged by argument, and everything else allowed.

    Args:
        architecture: AUDIT_ARCH of the calls; one made in another way kills the process.
        own_id: the process that it may send signals to, itself.
    """
    refuse = _return(ERROR | errno.EPERM)
    lacking = _return(ERROR | errno.ENOSYS)
    program = [
        _load(ARCHITECTURE),
        _jump(IF_EQUAL, architecture, 1, 0),
        _return(KILL),
        _load(NUMBER),
        _jump(IF_GREATER, LAST_KNOWN, 0, 1),
        lacking,
    ]
    for number in denied():
        program += [_jump(IF_EQUAL, number, 0, 1), refuse]
    # glibc then starts its threads with clone, whose flags can be seen
    program += [_jump(IF_EQUAL, _number("clone3"), 0, 1), lacking]
    thread = [_jump(IF_ANY_BIT, CLONE_THREAD, 0, 1), _return(ALLOW)]
    program += _judged("clone", thread)
    for name in ("kill", "tgkill"):  # abort() signals itself
        program += _judged(name, _among([own_id]))
    program += _judged("prlimit64", _among([0, own_id]))
    program += _judged("prctl", _among(PRCTL_ALLOWED))
    program += _judged("fcntl", _among(FCNTL_ALLOWED), argument=1)
    program += _judged("ioctl", _among(IOCTL_ALLOWED), argument=1)
    # a file that may be read could be cut by opening it, and one without a name takes room that
    # nobody sees; openat2 keeps its flags in memory
    program += [_jump(IF_EQUAL, _number("openat2"), 0, 1), lacking]
    program += _judged("openat", _opening(), argument=2)
    if number_of("open") is not None:
        program += _judged("open", _opening(), argument=1)
    return b"".join([*program, _return(ALLOW)])


def _number(name: str) -> int:
    number = number_of(name)
    assert number is not None  # noqa: S101 - for mypy; both machines have those that are judged
    return number


def _judged(name: str, allowing: list[bytes], *, argument: int = 0) -> list[bytes]:
    """Look at the low half of one argument of a call; EPERM unless the steps allow it."""
    steps = [_load(ARGUMENTS + 8 * argument), *allowing, _return(ERROR | errno.EPERM)]
    return [_jump(IF_EQUAL, _number(name), 0, len(steps)), *steps]


def _among(values: Iterable[int]) -> list[bytes]:
    return [step for value in values for step in (_jump(IF_EQUAL, value, 0, 1), _return(ALLOW))]


def _but(flag: int, *, among: int) -> list[bytes]:
    """Allow everything but this flag with none of the others."""
    return [
        _instruction(MASK, 0, 0, flag | among),
        _jump(IF_EQUAL, flag, 1, 0),
        _return(ALLOW),
    ]


def _opening() -> list[bytes]:
    """Allow flags of open(2) but for a file without a name, and cutting what is only read."""
    rest = _but(os.O_TRUNC, among=os.O_ACCMODE)
    return [_jump(IF_ANY_BIT, NAMELESS, len(rest), 0), *rest]


def _load(offset: int) -> bytes:
    return _instruction(LOAD, 0, 0, offset)


def _return(action: int) -> bytes:
    return _instruction(RETURN, 0, 0, action)


def _jump(how: int, value: int, if_true: int, if_false: int) -> bytes:
    """Skip so many instructions, at most 255, either way."""
    return _instruction(how, if_true, if_false, value)


def _instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)  # struct sock_filter
