"""The Range header, as far as downloads honour it: one range of bytes."""

from __future__ import annotations

import re

from core.errors import UnsatisfiableRangeError

# RFC 9110 section 14.1.2, one range only; 18 digits are more bytes than any file has.
ONE_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))", re.ASCII)


def range_of(
    header: str | None, *, size: int, if_range: str | None, etag: str
) -> tuple[int, int] | None:
    """First and last byte asked for, inclusive; None for the whole.

    What is malformed, several ranges, and a range of another version of the file are ignored, as
    RFC 9110 sections 14.2 and 13.1.5 allow.

    Raises:
        UnsatisfiableRangeError: it begins behind the last byte.
    """
    match = ONE_RANGE.fullmatch(header) if header is not None else None
    if match is None or (if_range is not None and if_range != etag):
        return None
    start, end, suffix = match.groups()
    if suffix is not None:
        first, last = max(0, size - int(suffix)), size - 1
        if int(suffix) == 0 or size == 0:
            raise _beyond_the_end(size)
        return first, last
    first, last = int(start), min(int(end), size - 1) if end else size - 1
    if end and int(end) < int(start):
        return None
    if first >= size:
        raise _beyond_the_end(size)
    return first, last


def _beyond_the_end(size: int) -> UnsatisfiableRangeError:
    """Well-formed, but nothing is there: 416 (RFC 9110 section 15.5.17)."""
    return UnsatisfiableRangeError(f"There are {size} bytes.", size=size)
