"""The .keras file as a container: refused or taken apart before any model code sees it."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from serving.documents import pointer_to
from serving.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Iterator

ZIP_MAGIC = b"PK\x03\x04"
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
END_OF_DIRECTORY_BYTES = 22  # of the zip format, when there is no comment behind it
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MEMBERS = frozenset({CONFIG, METADATA, WEIGHTS})
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
ENCRYPTED = 0x1  # general purpose bit 0
MAX_CONFIG_BYTES = 2 * 1_024 * 1_024
MAX_METADATA_BYTES = 64 * 1_024
MAX_RATIO = 20  # unpacked to packed; Keras stores its members, so a real model has 1
RATIO_FLOOR_BYTES = 1_024 * 1_024  # below it a ratio says nothing
MAX_DEPTH = 64  # of config.json
MAX_VALUES = 200_000  # in config.json

JsonObject = dict[str, object]


@dataclass(frozen=True, slots=True)
class KerasArchive:
    """The parts of a .keras file; the weights are HDF5 that nobody has looked into yet."""

    config: JsonObject
    keras_version: str
    weights: bytes

    def to_bytes(self) -> bytes:
        """A .keras file of these parts; the same parts always give the same bytes."""
        buffer = io.BytesIO()
        metadata = {"keras_version": self.keras_version, "date_saved": ""}
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name, content in (
                (METADATA, json.dumps(metadata).encode()),
                (CONFIG, json.dumps(self.config).encode()),
                (WEIGHTS, self.weights),
            ):
                archive.writestr(zipfile.ZipInfo(name), content)  # dated 1980, always
        return buffer.getvalue()


def refuse(reason_code: str, pointer: str, detail: str) -> NoReturn:
    raise ArtefactError(reason_code, pointer, detail)


def read_archive(data: bytes, *, max_bytes: int) -> KerasArchive:
    """Take a .keras file apart.

    Args:
        data: the upload.
        max_bytes: of all members unpacked together.

    Raises:
        ArtefactError: not_a_keras_file, archive_members, archive_too_large, config_invalid.
    """
    members = _read_members(data, max_bytes)
    config = read_json(members[CONFIG])
    metadata = read_json(members[METADATA])
    version = metadata.get("keras_version")
    if not isinstance(version, str) or not version.isprintable() or len(version) > 32:  # noqa: PLR2004 - a version number is short
        refuse("config_invalid", "", "metadata.json has no usable keras_version.")
    return KerasArchive(config, version, members[WEIGHTS])


def _read_members(data: bytes, max_bytes: int) -> dict[str, bytes]:
    if data.startswith(HDF5_MAGIC):
        refuse("not_a_keras_file", "", "This is an HDF5 file: save the model as .keras.")
    if not data.startswith(ZIP_MAGIC):
        refuse("not_a_keras_file", "", "A .keras file is a zip archive; this is not one.")
    if data[-END_OF_DIRECTORY_BYTES:][:4] != b"PK\x05\x06":
        refuse("not_a_keras_file", "", "The archive is cut off, or something follows it.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_members(archive, len(data), max_bytes)
            return {info.filename: archive.read(info) for info in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, ValueError) as error:
        raise ArtefactError("not_a_keras_file", "", "The archive is damaged.") from error


def _check_members(archive: zipfile.ZipFile, packed_bytes: int, max_bytes: int) -> None:
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if len(names) != len(MEMBERS) or set(names) != MEMBERS:
        refuse("archive_members", "", f"Exactly {', '.join(sorted(MEMBERS))} are expected.")
    if any(
        info.flag_bits & ENCRYPTED
        or info.compress_type not in METHODS
        or info.orig_filename != info.filename
        for info in infos
    ):
        refuse("archive_members", "", "A member is encrypted or packed in an unusual way.")
    caps = {CONFIG: MAX_CONFIG_BYTES, METADATA: MAX_METADATA_BYTES, WEIGHTS: max_bytes}
    if any(info.file_size > caps[info.filename] for info in infos):
        refuse("archive_too_large", "", "A member is larger than is allowed.")
    unpacked = sum(info.file_size for info in infos)
    if unpacked > max_bytes:
        refuse("archive_too_large", "", f"More than {max_bytes} bytes unpacked.")
    if unpacked > RATIO_FLOOR_BYTES and unpacked > MAX_RATIO * packed_bytes:
        refuse("archive_too_large", "", f"It unpacks to more than {MAX_RATIO} times its size.")


def read_json(data: bytes) -> JsonObject:
    """An object: strict UTF-8, no key twice, no NaN, neither deep nor huge.

    Raises:
        ArtefactError: config_invalid.
    """
    try:
        document = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise ArtefactError("config_invalid", "", "The configuration is not JSON.") from error
    if not isinstance(document, dict):
        refuse("config_invalid", "", "The configuration is not an object.")
    for count, _ in enumerate(walk(document)):
        if count > MAX_VALUES:
            refuse("config_invalid", "", f"More than {MAX_VALUES} values.")
    return document


def _without_duplicates(pairs: list[tuple[str, object]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("A key is given twice.")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON.")


def walk(value: object, pointer: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """Each value with its pointer, parents first. Raises ArtefactError beyond MAX_DEPTH."""
    if depth > MAX_DEPTH:
        refuse("config_invalid", "", f"Nested deeper than {MAX_DEPTH}.")
    yield pointer, value
    if isinstance(value, dict):
        for name, member in value.items():
            yield from walk(member, pointer_to(pointer, name), depth + 1)
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from walk(element, pointer_to(pointer, index), depth + 1)
