"""The directory of a zip archive, read strictly: what it lists is all that is in the file.

PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (central header) and 4.3.16
(end of the directory). Readers differ in what they believe where a file contradicts itself, and
hostile archives live in those differences, so here nothing may be contradicted.
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from serving.reasons import ReasonCode, refuse

if TYPE_CHECKING:
    from collections.abc import Collection

ZIP_MAGIC = b"PK\x03\x04"
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
CENTRAL_MAGIC, END_MAGIC, ZIP64_MAGIC = b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x07"
LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
ZIP64_LOCATOR_BYTES = 20
MAX_COMMENT_BYTES = 65_535  # of the format
MAX_16, MAX_32 = 0xFFFF, 0xFFFFFFFF  # stand for "see the zip64 record"
MAX_NAME_BYTES = 128
STORED, DEFLATED = 0, 8
ENCRYPTED = 0x1 | 0x40 | 0x2000  # plainly, strongly, and its directory too
HARMLESS = 0x2 | 0x4 | 0x800  # how hard deflate tried; the name is UTF-8
DOS_FOLDER, DOS_VOLUME = 0x10, 0x08


@dataclass(frozen=True, slots=True)
class Header:
    """What both headers of a member must agree on.

    Attributes:
        packed: bytes in the file.
        size: bytes unpacked, as declared.
    """

    name: bytes
    flags: int
    method: int
    time: int
    date: int
    checksum: int
    packed: int
    size: int


@dataclass(frozen=True, slots=True)
class Member:
    """One member, with where its packed bytes begin and end."""

    name: str
    method: int
    checksum: int
    size: int
    start: int
    end: int


def read_directory(data: bytes, *, names: Collection[str]) -> list[Member]:
    """The members, one for each of the names, back to back from the first byte on.

    Raises:
        ArtefactError: not_a_keras_file or one of the archive_* codes.
    """
    count, offset, end = _find_directory(data)
    headers = _central_headers(data, offset, end, count, names)
    members = [_local_member(data, header, place) for header, place in headers]
    position = 0
    for (_, place), member in sorted(zip(headers, members, strict=True), key=lambda p: p[0][1]):
        if place != position:
            refuse(ReasonCode.ARCHIVE_OVERLAP, "", "Members are not back to back.")
        position = member.end
    if position != offset:
        refuse(ReasonCode.ARCHIVE_OVERLAP, "", "The directory does not follow the members.")
    return members


def _find_directory(data: bytes) -> tuple[int, int, int]:
    """How many members there are, where the directory begins and where it ends."""
    end = len(data) - END.size
    if end < 0 or data[end : end + 4] != END_MAGIC:
        _refuse_end(data)
    _, disk, other_disk, here, count, size, offset, comment = END.unpack_from(data, end)
    if MAX_16 in {here, count} or MAX_32 in {size, offset} or _has_zip64(data, end):
        refuse(ReasonCode.ARCHIVE_ZIP64, "", "The archive has a zip64 directory.")
    if comment or disk or other_disk or here != count or offset + size > end:
        refuse(ReasonCode.NOT_A_KERAS_FILE, "", "The archive's directory makes no sense.")
    if not data.startswith(ZIP_MAGIC) or offset + size < end:
        refuse(ReasonCode.ARCHIVE_LEADING_BYTES, "", "Something stands before the archive.")
    return count, offset, end


def _refuse_end(data: bytes) -> None:
    """No end record where it must be: cut off, or hidden behind a tail, or no zip at all."""
    if data.startswith(ZIP_MAGIC):
        if END_MAGIC in data[-(MAX_COMMENT_BYTES + END.size) :]:
            refuse(ReasonCode.ARCHIVE_TRAILING_BYTES, "", "Something follows the archive.")
        refuse(ReasonCode.NOT_A_KERAS_FILE, "", "The archive is cut off.")
    refuse(ReasonCode.NOT_A_KERAS_FILE, "", "A .keras file is a zip archive; this is not one.")


def _has_zip64(data: bytes, end: int) -> bool:
    place = end - ZIP64_LOCATOR_BYTES
    return place >= 0 and data[place : place + 4] == ZIP64_MAGIC


def _central_headers(
    data: bytes, offset: int, end: int, count: int, names: Collection[str]
) -> list[tuple[Header, int]]:
    """The headers with the offsets of their members."""
    found: list[tuple[Header, int]] = []
    seen: set[bytes] = set()
    for _ in range(count):
        header, place, offset = _central_header(data, offset, end)
        if header.name in seen:
            refuse(ReasonCode.ARCHIVE_DUPLICATE_MEMBER, "", "A member is there twice.")
        _check_name(header.name, names)
        seen.add(header.name)
        found.append((header, place))
    if len(found) != len(names):
        refuse(ReasonCode.ARCHIVE_MEMBERS, "", f"Exactly {_listed(names)} are expected.")
    if offset != end:
        refuse(ReasonCode.ARCHIVE_TRAILING_BYTES, "", "Something follows the directory.")
    return found


def _central_header(data: bytes, offset: int, end: int) -> tuple[Header, int, int]:
    """A header, its member's offset, and where the next header begins."""
    if offset + CENTRAL.size > end or data[offset : offset + 4] != CENTRAL_MAGIC:
        refuse(ReasonCode.NOT_A_KERAS_FILE, "", "The archive's directory is damaged.")
    (
        _, _, _, flags, method, time, date, checksum, packed, size,
        name_bytes, extra, comment, disk, _, attributes, place,
    ) = CENTRAL.unpack_from(data, offset)  # fmt: skip
    after = offset + CENTRAL.size + name_bytes
    if MAX_32 in {packed, size, place}:
        refuse(ReasonCode.ARCHIVE_ZIP64, "", "A member has zip64 sizes.")
    if extra or comment:
        refuse(ReasonCode.ARCHIVE_EXTRA_FIELD, "", "A member has extra fields or a comment.")
    if disk or after > end:
        refuse(ReasonCode.NOT_A_KERAS_FILE, "", "The archive's directory is damaged.")
    _check_mode(attributes)
    name = data[offset + CENTRAL.size : after]
    header = Header(name, flags, method, time, date, checksum, packed, size)
    _check_packing(header)
    return header, place, after


def _check_mode(attributes: int) -> None:
    """A regular file, or no word about it: Keras writes 0o600 without a type."""
    mode = attributes >> 16
    if (
        stat.S_IFMT(mode) not in {0, stat.S_IFREG}
        or mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX)
        or attributes & (DOS_FOLDER | DOS_VOLUME)
    ):
        refuse(ReasonCode.ARCHIVE_MEMBER_MODE, "", "A member is not a regular file.")


def _check_packing(header: Header) -> None:
    if header.flags & ENCRYPTED:
        refuse(ReasonCode.ARCHIVE_ENCRYPTED, "", "A member is encrypted.")
    if header.method not in {STORED, DEFLATED}:
        refuse(ReasonCode.ARCHIVE_COMPRESSION, "", f"Method {header.method} is not read.")
    if header.flags & ~HARMLESS:  # e.g. sizes that follow the data, for a reader to guess
        refuse(ReasonCode.ARCHIVE_HEADER_MISMATCH, "", "A flag that no .keras file has.")


def _check_name(name: bytes, names: Collection[str]) -> None:
    text = name.decode("ascii", "replace")
    if (
        not text.isprintable()
        or not text.isascii()
        or "\\" in text
        or text.startswith("/")
        or ".." in text.split("/")
        or not 0 < len(name) <= MAX_NAME_BYTES
    ):
        refuse(ReasonCode.ARCHIVE_MEMBER_NAME, "", "A member's name is no plain file name.")
    if text not in names:
        refuse(ReasonCode.ARCHIVE_MEMBERS, "", f"Exactly {_listed(names)} are expected.")


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


def _local_member(data: bytes, header: Header, place: int) -> Member:
    """The member behind its own header, which must say what the directory says."""
    if place + LOCAL.size > len(data) or data[place : place + 4] != ZIP_MAGIC:
        refuse(ReasonCode.ARCHIVE_OVERLAP, "", "The directory points to no member.")
    (
        _, _, flags, method, time, date, checksum, packed, size, name_bytes, extra,
    ) = LOCAL.unpack_from(data, place)  # fmt: skip
    start = place + LOCAL.size + name_bytes
    name = data[place + LOCAL.size : start]
    if Header(name, flags, method, time, date, checksum, packed, size) != header:
        refuse(ReasonCode.ARCHIVE_HEADER_MISMATCH, "", "A member contradicts the directory.")
    if extra:
        refuse(ReasonCode.ARCHIVE_EXTRA_FIELD, "", "A member has extra fields.")
    return Member(name.decode("ascii"), method, checksum, size, start, start + packed)
