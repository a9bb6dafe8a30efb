"""Which version of which model: the name that everything in the runtime goes by."""

from __future__ import annotations

from typing import NamedTuple


class ServableId(NamedTuple):
    """One version of one servable stream; "churn:7" as text.

    A named tuple, because each prediction looks one up and its hash costs little.
    """

    name: str
    version: int

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"

    @classmethod
    def parse(cls, text: str) -> ServableId:
        """Read "name:version". Raises ValueError unless str() gives the same text back."""
        name, separator, version = text.rpartition(":")
        if not (name and separator and version.isascii() and version.isdigit()):
            raise ValueError(f"{text!r} is not name:version.")
        servable_id = cls(name, int(version))
        if str(servable_id) != text:
            raise ValueError(f"{text!r} has zeros before its version.")
        return servable_id
