"""Shows on the terminal what the children append to their logs, and keeps the logs from growing."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from embedded.console import Console

POLL_INTERVAL = 0.2  # seconds
CHUNK_BYTES = 65_536  # read at once from one log
LOG_BYTES = 64 * 1024**2  # then the log is copied to NAME.log.1 and begun again


class Source(NamedTuple):
    """A log that is followed, and what is shown of each of its lines."""

    name: str
    log: Path
    render: Callable[[str], Iterable[str]]


class Follower:
    """One thread that reads every log from where it stood when it was added."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._sources: dict[str, Source] = {}
        self._positions: dict[str, int] = {}
        self._rest: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log follower", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def add(self, source: Source) -> None:
        with self._lock:
            if source.name not in self._sources:
                self._sources[source.name] = source
                self._positions[source.name] = size(source.log)

    def stop(self) -> None:
        """Show what is still unread, then end."""
        self._stop.set()
        self._thread.join()
        self.read_all()

    def _run(self) -> None:
        while not self._stop.wait(POLL_INTERVAL):
            self.read_all()

    def read_all(self) -> None:
        with self._lock:
            for source in self._sources.values():
                with suppress(OSError):  # a log that was deleted is begun again by its child
                    self._read(source)

    def _read(self, source: Source) -> None:
        end = size(source.log)
        if end < self._positions[source.name]:  # begun again
            self._positions[source.name] = 0
        while self._positions[source.name] < end:
            with source.log.open("rb") as file:
                file.seek(self._positions[source.name])
                chunk = file.read(CHUNK_BYTES)
            if not chunk:
                break
            self._positions[source.name] += len(chunk)
            self._show(source, chunk)
        if end > LOG_BYTES:
            begin_again(source.log)

    def _show(self, source: Source, chunk: bytes) -> None:
        *lines, rest = (self._rest.get(source.name, b"") + chunk).split(b"\n")
        self._rest[source.name] = rest[:CHUNK_BYTES]
        for line in lines:
            for text in source.render(line.decode(errors="replace").rstrip("\r")):
                self._console.child(source.name, text)


def size(path: Path) -> int:
    """In bytes; 0 for a file that is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def begin_again(log: Path) -> None:
    """Keep one older copy; the child goes on writing to the same, now empty, file."""
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)
