"""UUIDv7: identifiers that sort by the time they were made (RFC 9562 section 5.7)."""

from __future__ import annotations

import os
import time
from uuid import UUID


def uuid7() -> UUID:
    """48 bits of Unix time in milliseconds, 74 random bits, version 7, variant 10."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    high = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    middle = 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    low = 0b10 << 62 | (random & 0x3FFF_FFFF_FFFF_FFFF)
    return UUID(int=high | middle | low)
