"""What a person sees while the platform starts and runs: steps with timings, prefixed lines."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME_WIDTH = 9  # characters; the longest child's name
PROGRESS_INTERVAL = 5.0  # seconds between two lines about a step that takes long


class Console:
    """Lines to one stream, whole even when several threads write; a dead stream is ignored."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lock = threading.Lock()

    def say(self, text: str = "") -> None:
        with self._lock:
            try:
                self._stream.write(text + "\n")
                self._stream.flush()
            except (OSError, ValueError):  # the terminal is gone; the platform goes on
                return

    def child(self, name: str, line: str) -> None:
        self.say(f"{name:<{NAME_WIDTH}}| {line}")

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Announce a step, then say how it went and how long it took (seconds)."""
        step = Step(self, title)
        self.say(f"> {title} ...")
        yield step
        step.done()


class Step:
    """One step of a start: `progress` speaks at most every five seconds, `result` ends the line."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._begun = time.monotonic()
        self._spoken = self._begun
        self.result = "done"

    @property
    def elapsed(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._begun

    def progress(self, text: str) -> None:
        if time.monotonic() - self._spoken < PROGRESS_INTERVAL:
            return
        self._spoken = time.monotonic()
        self._console.say(f"  {self._title}: {text} ({self.elapsed:.0f} s)")

    def done(self) -> None:
        self._console.say(f"  {self._title}: {self.result} ({self.elapsed:.1f} s)")
