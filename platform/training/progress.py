"""Tells a person how far training has come: a bar on a terminal, sparse lines in a log."""

from __future__ import annotations

import time
from typing import Protocol, TextIO

BAR_WIDTH = 30  # characters
REDRAW_SECONDS = 0.1  # a terminal redrawn more often flickers
LINE_SECONDS = 5.0  # a log needs to show life, not every epoch


class Progress(Protocol):
    """What a long step reports to. Steps come one after the other, never nested."""

    def start(self, *, title: str, total: int) -> None:
        """Begin a step of at most `total` units; it may end earlier."""

    def advance(self, *, done: int, note: str = "") -> None:
        """Say that `done` units in all are finished; `note` is one short phrase."""

    def finish(self, *, note: str = "") -> None:
        """End the step; `note` says with what result."""


class NullProgress:
    """Says nothing."""

    def start(self, *, title: str, total: int) -> None:
        pass

    def advance(self, *, done: int, note: str = "") -> None:
        pass

    def finish(self, *, note: str = "") -> None:
        pass


class StreamProgress:
    """Draws a bar when the stream is a terminal, else writes a line every few seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._interval = REDRAW_SECONDS if self._is_terminal else LINE_SECONDS
        self._title = ""
        self._total = 0
        self._shown_at = 0.0

    def start(self, *, title: str, total: int) -> None:
        self._title, self._total = title, total
        self._shown_at = time.monotonic()
        self._show(self._bar(0) if self._is_terminal else f"{title} ...")

    def advance(self, *, done: int, note: str = "") -> None:
        now = time.monotonic()
        if now - self._shown_at < self._interval:
            return
        self._shown_at = now
        where = self._bar(done) if self._is_terminal else f"{self._title}: {done}/{self._total}"
        self._show(f"{where}  {note}".rstrip())

    def finish(self, *, note: str = "") -> None:
        self._show(f"{self._title}: {note or 'done'}")
        if self._is_terminal:
            self._stream.write("\n")
            self._stream.flush()

    def _bar(self, done: int) -> str:
        filled = BAR_WIDTH * min(done, self._total) // max(self._total, 1)
        bar = "#" * filled + "." * (BAR_WIDTH - filled)
        return f"{self._title} [{bar}] {done}/{self._total}"

    def _show(self, text: str) -> None:
        # ESC [K clears what a longer text left behind.
        self._stream.write(f"\r{text}\x1b[K" if self._is_terminal else f"{text}\n")
        self._stream.flush()
