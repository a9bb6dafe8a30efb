"""System calls that Python has no function for."""

from __future__ import annotations

import ctypes
import os
from functools import cache


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def syscall(number: int, *arguments: object) -> int:
    """What the kernel answers; raises OSError when it refuses.

    Integers are passed as C longs: the C library's syscall() is variadic and reads whole
    registers.
    """
    values = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    answer = int(_libc().syscall(ctypes.c_long(number), *values))
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return answer


def prctl(option: int, argument: int) -> bool:
    """Whether the kernel took it; False also where there is none of that name."""
    try:
        unused = (ctypes.c_ulong(0),) * 3
        return bool(_libc().prctl(option, ctypes.c_ulong(argument), *unused) == 0)
    except (OSError, AttributeError):  # not Linux
        return False
