"""A .keras file as its three parts, and the parts as a file again."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass

from serving.container.directory import HDF5_MAGIC, ZIP_MAGIC, read_directory
from serving.container.documents import MAX_CONFIG_BYTES, JsonObject, read_json
from serving.container.members import unpack
from serving.reasons import ReasonCode, refuse

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MAX_METADATA_BYTES = 64 * 1_024
MAX_VERSION = 32  # characters of Keras' version


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


def read_archive(data: bytes, *, max_bytes: int) -> KerasArchive:
    """Take a .keras file apart.

    The archive's directory is read here, byte by byte, and not by zipfile, which forgives: it
    takes the last of two members, skips what stands before the archive, and believes sizes.

    Args:
        data: the upload.
        max_bytes: of all members unpacked together.

    Raises:
        ArtefactError: not_a_keras_file, one of the archive_* codes, or one of config_*.
    """
    if data.startswith(HDF5_MAGIC):
        refuse(ReasonCode.NOT_A_KERAS_FILE, "", "This is an HDF5 file: save the model as .keras.")
    caps = {CONFIG: MAX_CONFIG_BYTES, METADATA: MAX_METADATA_BYTES, WEIGHTS: max_bytes}
    members = unpack(data, read_directory(data, names=frozenset(caps)), caps, max_bytes=max_bytes)
    config = read_json(members[CONFIG])
    version = read_json(members[METADATA]).get("keras_version")
    if not isinstance(version, str) or not version.isprintable() or len(version) > MAX_VERSION:
        refuse(ReasonCode.CONFIG_INVALID, "", "metadata.json has no usable keras_version.")
    return KerasArchive(config, version, members[WEIGHTS])


__all__ = ("HDF5_MAGIC", "ZIP_MAGIC", "KerasArchive", "read_archive")
