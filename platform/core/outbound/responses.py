"""Reading what a stranger's server answers: HTTP/1.1 (RFC 9112), never more than is allowed."""

from __future__ import annotations

import re
from asyncio import IncompleteReadError
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncio import StreamReader

LINE_MAX: Final = 8 * 1024  # bytes of one line
HEAD_MAX: Final = 16 * 1024  # bytes of a status line with its header
HEADERS_MAX: Final = 50  # kept of one answer
VALUE_MAX: Final = 500  # characters kept of one value
INFORMATIONAL_MAX: Final = 5  # answers 1xx before the one that counts

STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?\r?\n?")
NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
CONTINUE, OK, SWITCHING = 100, 200, 101
BODILESS: Final = frozenset({204, 304})


class BadResponseError(Exception):
    """It is not HTTP."""


class HeadTooLargeError(Exception):
    """Its status line and header have no end."""


async def read_head(reader: StreamReader) -> tuple[int, dict[str, str]]:
    """Status and header of the answer that counts; names in small letters.

    Values are cut, what cannot be printed in them is replaced, and doubles are joined by a comma.

    Raises:
        BadResponseError, HeadTooLargeError, OSError.
    """
    for _ in range(INFORMATIONAL_MAX + 1):
        lines = _Lines(reader)
        match = STATUS_LINE.fullmatch(await lines.next())
        if match is None:
            raise BadResponseError
        headers = await _read_headers(lines)
        status = int(match.group(1))
        if status >= OK or status == SWITCHING:
            return status, headers
    raise BadResponseError


async def read_body(
    reader: StreamReader, status: int, headers: dict[str, str], limit: int, into: bytearray
) -> None:
    """Its first `limit` bytes, added to `into` as they come; what breaks off breaks off.

    Raises:
        OSError: the connection was lost.
    """
    if status in BODILESS or status < OK:
        return
    try:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            await _read_chunks(reader, limit, into)
        else:
            await _read_plain(reader, min(limit, _length_of(headers, limit)), into)
    except (IncompleteReadError, BadResponseError, ValueError):
        return


class _Lines:
    """The lines of one head, as long as it is not too large."""

    def __init__(self, reader: StreamReader) -> None:
        self._reader = reader
        self._left = HEAD_MAX

    async def next(self) -> bytes:
        try:
            line = await self._reader.readline()
        except ValueError as error:  # longer than the reader's limit
            raise HeadTooLargeError from error
        self._left -= len(line)
        if self._left < 0:
            raise HeadTooLargeError
        if not line.endswith(b"\n"):
            raise BadResponseError
        return line


async def _read_headers(lines: _Lines) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := (await lines.next()).rstrip(b"\r\n")) != b"":
        name, colon, value = line.partition(b":")
        if not colon or not NAME.fullmatch(name):
            continue  # a folded line (obsolete since RFC 7230), or nonsense
        key = name.decode("ascii").lower()
        text = UNPRINTABLE.sub("\ufffd", value.strip().decode("latin-1"))
        if key in headers:
            headers[key] = f"{headers[key]}, {text}"[:VALUE_MAX]
        elif len(headers) < HEADERS_MAX:
            headers[key] = text[:VALUE_MAX]
    return headers


def _length_of(headers: dict[str, str], limit: int) -> int:
    """Content-Length; without a usable one the body ends with the connection."""
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else limit


async def _read_plain(reader: StreamReader, length: int, into: bytearray) -> None:
    while length > 0:
        piece = await reader.read(length)
        if not piece:
            return
        into += piece
        length -= len(piece)


async def _read_chunks(reader: StreamReader, limit: int, into: bytearray) -> None:
    while len(into) < limit:
        match = CHUNK_SIZE.fullmatch(await reader.readline())
        if match is None:
            raise BadResponseError
        size = int(match.group(1), 16)
        if size == 0:
            return
        room = min(size, limit - len(into))
        before = len(into)
        await _read_plain(reader, room, into)
        if room < size or len(into) - before < room:
            return
        await reader.readline()
