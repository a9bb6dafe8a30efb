"""Bytes of memory: what this process holds, what a piece of work took, what can be given back."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path
from typing import Any

COUNTERS = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)


class _HeapInfo(ctypes.Structure):
    """struct mallinfo2 of mallinfo(3), glibc 2.33: ten counters of size_t."""

    _fields_ = [(name, ctypes.c_size_t) for name in COUNTERS]


def resident_bytes() -> int:
    """Memory of this process that is in RAM; 0 where /proc does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


class Heap:
    """What the C allocator of this process has handed out: the engines keep their tensors there.

    It is asked before and after a load, and the difference is what the load took. That is exact to
    the byte and takes a microsecond, where resident memory moves by whole arenas, counts pages of
    shared libraries that were read meanwhile, and stays when memory is freed; other threads add
    what they hold at that moment, some kilobytes. Where the allocator does not tell (it is not
    glibc), resident memory is the next best.
    """

    def used_bytes(self) -> int:
        """Bytes in use in all arenas (uordblks) and in mappings of their own (hblkhd)."""
        library = _allocator()
        if library is None:
            return resident_bytes()
        info = library.mallinfo2()
        return int(info.uordblks + info.hblkhd)

    def trim(self) -> None:
        """Give free pages back to the system, malloc_trim(3): after a version has gone."""
        library = _allocator()
        if library is not None:
            library.malloc_trim(0)


@cache
def _allocator() -> Any:  # noqa: ANN401 - a C library has no type
    try:
        library = ctypes.CDLL(None)
        library.mallinfo2.restype = _HeapInfo
        library.malloc_trim.argtypes = [ctypes.c_size_t]
    except (OSError, AttributeError):
        return None
    return library
