"""A bounded buffer that never makes a call wait, and the one thread a process that empties it."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from django.db import Error, connection, connections

from core.db.connections import own_connection
from core.facts.failures import may_pass, pause_after
from core.facts.salvage import salvage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prometheus_client import Counter

Fact = TypeVar("Fact")

BATCH_ROWS: Final = 1_000  # facts of one transaction; as many wake the thread before its time
WRITE_SECONDS: Final = 1.0  # between two looks of the thread
STATEMENT_TIMEOUT: Final = 5_000  # milliseconds
IDLE_SECONDS: Final = 60.0  # without a fact; then the thread's connection closes
CLOSE_SECONDS: Final = 3.0  # the end of a process waits for its last facts at most
CLOSE_RETRY_SECONDS: Final = 0.2
EXIT_PRIORITY: Final = 0  # among what multiprocessing finalises before it ends its children

logger = logging.getLogger(__name__)


class FactBuffer(Generic[Fact]):
    """Facts of one kind on their way to a table.

    `offer` costs about a microsecond and never waits, raises or asks the database. One daemon
    thread writes what has gathered, every second or every BATCH_ROWS facts. While the database is
    away facts are kept up to the bound; beyond it the newest are dropped and counted. A batch is
    tried again as it was, so `write` can tell one that was committed unseen.

    Args:
        name: of the thread, and of its session in the database.
        write: stores a batch in one transaction, on the thread's default connection.
        in_background: whether there is a thread; without one, `flush` writes.
        lost: counts facts that are dropped, by reason: full, database, shutdown.
        bound: facts that may wait; as many threads as offer at once may exceed it by one each.
    """

    def __init__(
        self,
        name: str,
        *,
        write: Callable[[Sequence[Fact]], None],
        in_background: Callable[[], bool],
        lost: Counter,
        bound: int,
    ) -> None:
        self._name = name
        self._write = write
        self._in_background = in_background
        self._lost = lost
        self._bound = bound
        self.forget()
        os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """Start anew, as a forked child does: what waits is its parent's to write."""
        self._facts: deque[Fact] = deque()
        self._batch: list[Fact] = []  # taken out, and not yet known to be stored
        self._room = self._bound  # what may wait beside the batch
        self._refused = self._lost.labels("full")
        self._failures = 0  # in a row
        self._close_by: float | None = None  # monotonic seconds; None: the process goes on
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._wake = threading.Event()

    def __len__(self) -> int:
        return len(self._facts) + len(self._batch)

    def offer(self, fact: Fact) -> None:
        """Take a fact, or drop and count it when there is no room."""
        waiting = len(self._facts)
        if waiting >= self._room:
            self._refused.inc()
            return
        self._facts.append(fact)
        if self._thread is None:
            self._start()
        elif waiting == BATCH_ROWS:
            self._wake.set()

    def flush(self) -> None:
        """Write all that waits, now and on the caller's connection: for tests.

        Raises:
            Error: as the database does; what was not stored waits on.
        """
        while self._take():
            self._store()

    def close(self) -> None:
        """At the end of the process: let the thread write what waits, for CLOSE_SECONDS at most."""
        thread = self._thread
        self._refused = self._lost.labels("shutdown")
        self._room = 0
        self._close_by = time.monotonic() + CLOSE_SECONDS
        self._wake.set()
        if thread is not None:
            thread.join(CLOSE_SECONDS)
        left = len(self)
        if left:
            self._refused.inc(left)
            logger.warning("%s: %s facts were not written before the end.", self._name, left)

    # -- The thread

    def _start(self) -> None:
        """Start the thread unless somebody else is just doing so, or there is to be none."""
        if not self._in_background() or not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                thread.start()
                self._thread = thread
                # Runs at exit, and in children of multiprocessing too, which know no atexit.
                Finalize(None, self.close, exitpriority=EXIT_PRIORITY)
        except RuntimeError:  # no thread to be had now; the next fact tries again
            logger.warning("%s: no thread can be started.", self._name)
        finally:
            self._starting.release()

    def _run(self) -> None:
        connections["default"] = own_connection(self._name, statement_timeout=STATEMENT_TIMEOUT)
        used_at = time.monotonic()
        try:
            while True:
                closing = self._close_by is not None  # before the look: nothing comes after it
                if self._take():
                    used_at = time.monotonic()
                elif closing:
                    return
                elif time.monotonic() - used_at > IDLE_SECONDS:
                    connection.close()
                pause = self._write_waiting()
                if self._is_over():
                    return
                self._wake.wait(pause)
                self._wake.clear()
        finally:
            connection.close()

    def _is_over(self) -> bool:
        return self._close_by is not None and time.monotonic() > self._close_by

    def _write_waiting(self) -> float:
        """Write batch after batch; the seconds until the next look."""
        try:
            while self._take() and not self._is_over():
                self._store()
        except Error as error:
            connection.close()
            self._failures += 1
            if self._failures == 1:
                logger.warning("%s: cannot be written: %s", self._name, type(error).__name__)
            pause = pause_after(self._failures)
        except Exception:  # never the end of the thread
            logger.exception("%s: a batch has failed.", self._name)
            pause = WRITE_SECONDS
        else:
            pause = WRITE_SECONDS
        return pause if self._close_by is None else CLOSE_RETRY_SECONDS

    # -- Batches

    def _take(self) -> bool:
        """Have a batch in hand, if there is anything; whether there is."""
        if not self._batch:
            count = min(len(self._facts), BATCH_ROWS)
            self._set_room(count)
            self._batch = [self._facts.popleft() for _ in range(count)]
        return bool(self._batch)

    def _set_room(self, in_hand: int) -> None:
        self._room = self._bound - in_hand if self._close_by is None else 0

    def _store(self) -> None:
        """Write the batch in hand; of one that cannot be stored for itself, what can.

        Raises:
            Error: the database is away or busy; the batch stays in hand.
        """
        try:
            self._write(self._batch)
        except Exception as error:
            if may_pass(error, failures=self._failures):
                raise
            self._batch, lost = salvage(self._batch, self._write)
            self._lost.labels("database").inc(lost)
            logger.warning("%s: %s facts cannot be stored: %r", self._name, lost, error)
        else:
            self._batch = []
        self._failures = 0
        self._set_room(len(self._batch))
