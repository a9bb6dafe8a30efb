"""UUIDv7: identifiers that sort by the time they were made (RFC 9562 section 5.7)."""

from __future__ import annotations

import os
import time
from uuid import UUID

MILLISECOND = 1_000_000  # nanoseconds


def uuid7() -> UUID:
    """48 bits of Unix time in milliseconds, 12 of its fraction, 62 random bits.

    The fraction (RFC 9562 section 6.2, method 3) makes ids of one process sort in the order they
    were made, also within a millisecond; it stands where the standard puts `rand_a`.
    """
    milliseconds, rest = divmod(time.time_ns(), MILLISECOND)
    fraction = (rest << 12) // MILLISECOND
    random = int.from_bytes(os.urandom(8), "big")
    high = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    middle = 0x7 << 76 | fraction << 64
    low = 0b10 << 62 | (random & 0x3FFF_FFFF_FFFF_FFFF)
    return UUID(int=high | middle | low)
