"""How often a JPEG makes its decoder go over the whole picture: told by its markers alone.

A scan (ITU-T T.81 section B.2.3) of some tens of bytes may go over 40 megapixels, and a file may
repeat it as often as it likes: what it costs says neither its size nor its pixels.
"""

from __future__ import annotations

import re
from typing import Final

START: Final = b"\xff\xd8\xff"
# What ends a scan's data, or follows a segment: neither a stuffed zero, a fill byte, a restart
# nor a reserved code. Decoders look for it like this, too, whatever stands in between.
MARKER: Final = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
START_OF_IMAGE, END_OF_IMAGE, START_OF_SCAN = 0xD8, 0xD9, 0xDA
LENGTH: Final = 2  # bytes of a segment's length, which counts itself


def has_more(content: bytes, *, scans: int, segments: int) -> bool:
    """Whether it is a JPEG of more scans, or more segments, than these; no other file is.

    Args:
        content: of the whole file.
        scans: passes over the picture.
        segments: of any kind; bounds what looking costs, here and in the decoder.
    """
    if not content.startswith(START):
        return False
    found = seen = 0
    at = len(START) - 1
    while found <= scans and seen <= segments:
        marker = MARKER.search(content, at)
        if marker is None or marker[1][0] == END_OF_IMAGE:
            return False
        seen += 1
        found += marker[1][0] == START_OF_SCAN
        at = marker.end()
        if marker[1][0] != START_OF_IMAGE:
            at += max(LENGTH, int.from_bytes(content[at : at + LENGTH], "big"))
    return True
