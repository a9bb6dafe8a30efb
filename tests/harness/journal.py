"""A file outside the system that says what happened: one JSON document a line, on disk at once."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Journal:
    """Appends records; what `add` has returned from survives the death of whoever wrote it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab", buffering=0)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, **record: Any) -> None:
        """One line, written whole and flushed to the disk."""
        line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
        with self._lock:
            self._file.write(line)
            os.fdatasync(self._file.fileno())


def read_journal(path: Path) -> list[dict[str, Any]]:
    """What has been written so far; a last line that is not whole yet is left out."""
    return list(_records(path))


def _records(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield json.loads(line)
