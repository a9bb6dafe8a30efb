"""What a validated model consists of: the manifest, its files by digest, the check of a digest."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from serving.documents import DocumentError, Node
from serving.errors import ArtefactDigestMismatchError, ArtefactError, InvalidSignatureError
from serving.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    ReadFile = Callable[["FileEntry"], bytes]

SCHEMA_VERSION = 1
MAX_FILE_BYTES = 2**40
MAX_VERSIONS = 16  # frameworks named
MAX_GOLDEN_ROWS = 1_024
MAX_VERSION_LENGTH = 64  # characters
SHA256 = re.compile(r"[0-9a-f]{64}")


class FileRole(StrEnum):
    """What a file of an artefact is for."""

    KERAS = "keras"  # the model, without its training configuration
    LITERT = "litert"  # the flatbuffer; absent when LiteRT cannot run the model
    GOLDEN = "golden"  # inputs, and what TensorFlow answered to them


REQUIRED_ROLES = frozenset({FileRole.KERAS, FileRole.GOLDEN})


class ArtefactKind(StrEnum):
    """The formats that models are made from."""

    KERAS = "keras"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file by content: lower-case hexadecimal SHA-256 and length in bytes."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """All that identifies a validated model; its digest identifies the artefact.

    Attributes:
        files: by role.
        signature: complete, outputs included.
        versions: of the frameworks that validated it, e.g. {"keras": "3.15.1"}.
        golden_rows: rows of the golden set.
    """

    files: Mapping[FileRole, FileEntry]
    signature: Signature
    versions: Mapping[str, str] = field(default_factory=dict)
    golden_rows: int = 0
    kind: ArtefactKind = ArtefactKind.KERAS

    def to_document(self) -> dict[str, object]:
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": self.kind.value,
            "files": {
                role.value: {"sha256": entry.sha256, "bytes": entry.bytes}
                for role, entry in self.files.items()
            },
            "signature": self.signature.to_document(),
            "versions": dict(self.versions),
            "golden_rows": self.golden_rows,
        }

    def canonical(self) -> bytes:
        """JSON with sorted names and no blanks: the bytes that the digest is of."""
        return json.dumps(
            self.to_document(), sort_keys=True, separators=(",", ":"), allow_nan=False
        ).encode()

    @property
    def digest(self) -> str:
        """Of the whole artefact: SHA-256 of the canonical manifest, which holds the files'."""
        return hashlib.sha256(self.canonical()).hexdigest()

    @classmethod
    def from_document(cls, document: object) -> Manifest:
        """Read the JSON form.

        Raises:
            ArtefactError: manifest_invalid, or manifest_version_unknown for another
                schema_version than ours.
        """
        node = Node(document)
        try:
            _check_schema_version(node)
            return _read(node)
        except DocumentError as error:
            raise ArtefactError("manifest_invalid", error.pointer, error.detail) from None
        except InvalidSignatureError as error:
            raise ArtefactError(
                "manifest_invalid", f"/signature{error.pointer}", error.detail
            ) from None


def _check_schema_version(node: Node) -> None:
    version = node.entries().get("schema_version", Node(None)).value
    if type(version) is not int or version != SCHEMA_VERSION:
        raise ArtefactError(
            "manifest_version_unknown", "/schema_version", "The manifest has an unknown version."
        )


def _read(node: Node) -> Manifest:
    members = node.members(
        required=("schema_version", "kind", "files", "signature", "versions", "golden_rows")
    )
    roles = members["files"].members(
        required=REQUIRED_ROLES, optional=set(FileRole) - REQUIRED_ROLES
    )
    versions = members["versions"].entries()
    if len(versions) > MAX_VERSIONS:
        members["versions"].refuse(f"At most {MAX_VERSIONS} versions are allowed.")
    return Manifest(
        files={FileRole(role): _read_entry(entry) for role, entry in roles.items()},
        signature=Signature.from_document(members["signature"].value),
        versions={
            name: version.text(at_most=MAX_VERSION_LENGTH) for name, version in versions.items()
        },
        golden_rows=members["golden_rows"].integer(at_least=1, at_most=MAX_GOLDEN_ROWS),
        kind=members["kind"].choice(ArtefactKind),
    )


def _read_entry(node: Node) -> FileEntry:
    members = node.members(required=("sha256", "bytes"))
    sha256 = members["sha256"].text(at_most=64)
    if not SHA256.fullmatch(sha256):
        members["sha256"].refuse("64 lower-case hexadecimal digits are expected.")
    return FileEntry(sha256, members["bytes"].integer(at_least=1, at_most=MAX_FILE_BYTES))


def entry_of(data: bytes) -> FileEntry:
    return FileEntry(hashlib.sha256(data).hexdigest(), len(data))


def verified(data: bytes, sha256: str) -> bytes:
    """The same bytes, once they are known to be those that were validated.

    Raises:
        ArtefactDigestMismatchError: they are others.
    """
    actual = hashlib.sha256(data).hexdigest()
    if actual != sha256:
        raise ArtefactDigestMismatchError(expected=sha256, actual=actual)
    return data
