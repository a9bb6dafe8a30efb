"""Members of an archive to bytes, never more of them than were declared and allowed."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from serving.container.directory import STORED, Member
from serving.reasons import ReasonCode, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_RATIO = 20  # unpacked to packed; Keras stores its members, so a real model has 1
RATIO_FLOOR_BYTES = 1_024 * 1_024  # below it a ratio says nothing
CONFIG = "config.json"
RAW = -15  # zlib's word for deflate without a header


def unpack(
    data: bytes, members: Sequence[Member], caps: Mapping[str, int], *, max_bytes: int
) -> dict[str, bytes]:
    """The members' contents by name; all sizes are looked at before anything is inflated.

    Args:
        data: the whole file.
        members: as its directory lists them.
        caps: bytes of each member, at most.
        max_bytes: of all of them together.

    Raises:
        ArtefactError: archive_too_large, archive_ratio, archive_size_mismatch,
            archive_checksum, config_too_large or not_a_keras_file.
    """
    for member in members:
        _check_size(member, caps[member.name])
    if sum(member.size for member in members) > max_bytes:
        refuse(ReasonCode.ARCHIVE_TOO_LARGE, "", f"More than {max_bytes} bytes unpacked.")
    return {member.name: _content(data, member) for member in members}


def _check_size(member: Member, cap: int) -> None:
    if member.size > cap:
        reason = (
            ReasonCode.CONFIG_TOO_LARGE if member.name == CONFIG else ReasonCode.ARCHIVE_TOO_LARGE
        )
        refuse(reason, "", f"{member.name} has more than {cap} bytes.")
    packed = member.end - member.start
    if member.size > RATIO_FLOOR_BYTES and member.size > MAX_RATIO * packed:
        refuse(
            ReasonCode.ARCHIVE_RATIO, "", f"{member.name} unpacks to over {MAX_RATIO} times itself."
        )
    if member.method == STORED and member.size != packed:
        refuse(ReasonCode.ARCHIVE_SIZE_MISMATCH, "", f"{member.name} has not the declared size.")


def _content(data: bytes, member: Member) -> bytes:
    packed = data[member.start : member.end]
    content = packed if member.method == STORED else _inflated(packed, member)
    if zlib.crc32(content) != member.checksum:
        refuse(ReasonCode.ARCHIVE_CHECKSUM, "", f"{member.name} has another checksum.")
    return content


def _inflated(packed: bytes, member: Member) -> bytes:
    """At most one byte more than declared is ever made, whatever the stream says."""
    inflater = zlib.decompressobj(RAW)
    try:
        content = inflater.decompress(packed, member.size + 1)
    except zlib.error:
        refuse(ReasonCode.NOT_A_KERAS_FILE, "", f"{member.name} is damaged.")
    if len(content) != member.size or not inflater.eof or inflater.unused_data:
        refuse(ReasonCode.ARCHIVE_SIZE_MISMATCH, "", f"{member.name} has not the declared size.")
    return content
