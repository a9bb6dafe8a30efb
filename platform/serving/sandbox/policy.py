"""What a confined process may still do, as plain data that a parent hands to its child."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from serving.sandbox.layers import Layer

if TYPE_CHECKING:
    from serving.documents import Node

MAX_LIMIT = 2**50
MAX_PATHS = 64
MAX_PATH = 4_096  # characters; PATH_MAX of linux/limits.h


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """Hard limits of one process.

    Attributes:
        memory_bytes: of address space; TensorFlow alone maps about 1.5 GiB.
        cpu_seconds: of all threads together.
        file_bytes: of any one file written.
    """

    memory_bytes: int
    cpu_seconds: int
    file_bytes: int

    def to_document(self) -> dict[str, int]:
        return asdict(self)

    @classmethod
    def from_document(cls, node: Node) -> SandboxLimits:
        members = node.members(required=("memory_bytes", "cpu_seconds", "file_bytes"))
        return cls(
            **{
                name: value.integer(at_least=1, at_most=MAX_LIMIT)
                for name, value in members.items()
            }
        )


@dataclass(frozen=True, slots=True)
class SandboxPolicy:
    """All of it: limits, files, and which layers must hold.

    Attributes:
        readable: files, and directories with all below them; one that does not exist is
            passed over.
        writable: directories in which files may be made, read and changed.
        folders: whether folders may be made in them as well, and everything be moved and removed.
        required: layers without which the process must not go on.
    """

    limits: SandboxLimits
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    folders: bool = False
    required: frozenset[Layer] = frozenset()

    def to_document(self) -> dict[str, object]:
        return {
            "limits": self.limits.to_document(),
            "readable": list(self.readable),
            "writable": list(self.writable),
            "folders": self.folders,
            "required": sorted(self.required),
        }

    @classmethod
    def from_document(cls, node: Node) -> SandboxPolicy:
        """Read the JSON form. Raises DocumentError."""
        members = node.members(required=("limits", "readable", "writable", "folders", "required"))
        layers = members["required"].elements(at_most=len(Layer))
        return cls(
            SandboxLimits.from_document(members["limits"]),
            _paths(members["readable"]),
            _paths(members["writable"]),
            members["folders"].boolean(),
            frozenset(layer.choice(Layer) for layer in layers),
        )


def _paths(node: Node) -> tuple[str, ...]:
    return tuple(path.text(at_most=MAX_PATH) for path in node.elements(at_most=MAX_PATHS))
