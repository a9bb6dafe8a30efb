"""Access lines: one for each answered request, gathered for a moment and written together.

A line costs a system call and hands the interpreter to other threads; in front of an answer of half
a millisecond both are felt. So lines wait for WRITE_SECONDS at most, or until LINES_MAX of them are
there, and one daemon thread makes and writes them. What a killed process had not written is lost;
one that ends writes the rest.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
from django.conf import settings
from prometheus_client import Counter

if TYPE_CHECKING:
    from uuid import UUID

NAME: Final = "agora.access"  # of the logger that says whether lines are wanted
WRITE_SECONDS: Final = 0.2  # that lines are gathered for
LINES_MAX: Final = 20_000  # that may wait while the stream is stuck; later ones are lost
LOST: Final = Counter("agora_access_lines_lost", "Access lines lost: the log's stream is stuck.")

logger = logging.getLogger(NAME)


class AccessLine(NamedTuple):
    """What is known of an answered request; never a path's value, the query or the body.

    Attributes:
        at: Unix seconds; when the answer was ready.
        request_id: the server's own.
        traceparent: the caller's, checked; empty: none.
        user_id: on whose behalf; None: nobody's.
        application_id: the calling application.
        method: HTTP method.
        route: the route template.
        status: HTTP status.
        seconds: from the first byte read to the answer ready.
        size: bytes of the body; None when it is streamed.
    """

    at: float
    request_id: str
    traceparent: str
    user_id: UUID | None
    application_id: UUID | None
    method: str
    route: str
    status: int
    seconds: float
    size: int | None


def document_of(line: AccessLine) -> dict[str, Any]:
    """The members of a line, in the order of the other log lines (core.observability.logging)."""
    document: dict[str, Any] = {
        "time": datetime.fromtimestamp(line.at, UTC).isoformat(timespec="milliseconds"),
        "level": "info",
        "logger": NAME,
        "message": "request",
        "request_id": line.request_id,
    }
    if line.traceparent:
        document["trace_id"] = line.traceparent.split("-")[1]
    document |= {
        "user_id": line.user_id,
        "method": line.method,
        "route": line.route,
        "status": line.status,
        "ms": round(line.seconds * 1000, 3),
        "bytes": line.size,
        "application_id": line.application_id,
    }
    return document


class AccessLog:
    """Lines on their way to standard error."""

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """Start anew, as a forked child does: what waits is its parent's to write."""
        self._lines: deque[AccessLine] = deque()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._writing = threading.Lock()
        self._wake = threading.Event()

    def note(self, line: AccessLine) -> None:
        """Have a line written soon, unless LOG_LEVEL asks for less or the stream is stuck."""
        if not logger.isEnabledFor(logging.INFO):
            return
        if len(self._lines) >= LINES_MAX:
            LOST.inc()
            return
        self._lines.append(line)
        if not settings.ACCESS_LOG_IN_BACKGROUND:
            self.write()
        elif self._thread is None:
            self._start()
        elif not self._wake.is_set():
            self._wake.set()

    def write(self) -> None:
        """Write what waits, in one call."""
        with self._writing:
            waiting = [self._lines.popleft() for _ in range(len(self._lines))]
            if waiting:
                self.emit(b"\n".join(orjson.dumps(document_of(line)) for line in waiting).decode())

    @staticmethod
    def emit(text: str) -> None:
        """Lines to standard error. A stream that is gone is no failure of a request."""
        with suppress(OSError, ValueError):
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._wake.set()
                self._thread = threading.Thread(target=self._run, name="access log", daemon=True)
                self._thread.start()
                # At exit, and in children of multiprocessing too, which know no atexit.
                Finalize(None, self.write, exitpriority=0)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(WRITE_SECONDS)
            self._wake.clear()  # before the look: what comes after it wakes again
            self.write()


access_log: Final = AccessLog()
