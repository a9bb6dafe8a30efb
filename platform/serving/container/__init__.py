"""The .keras file as a container: refused or taken apart before any model code sees it."""

from __future__ import annotations

from serving.container.archive import KerasArchive, read_archive
from serving.container.documents import (
    MAX_CONFIG_BYTES,
    MAX_DEPTH,
    MAX_VALUES,
    JsonObject,
    read_json,
    walk,
)

__all__ = (
    "MAX_CONFIG_BYTES",
    "MAX_DEPTH",
    "MAX_VALUES",
    "JsonObject",
    "KerasArchive",
    "read_archive",
    "read_json",
    "walk",
)
