"""The thread that keeps a process's revocation snapshot fresh: by the clock, and when nudged."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import Error

from core.db.connections import own_connection
from core.nudges import Nudges
from core.plans import read_plan_book
from core.security.snapshot import RevocationSnapshot, read_snapshot

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

IDLE_SECONDS = 300.0  # without a question; then the thread ends and its connections close
FIRST_LOOK_SECONDS = 1.0  # a caller waits at most, when there is no fresh snapshot yet
NUDGE_GAP_SECONDS = 0.05  # at least, between two reads, however many nudges arrive
REST_SHARE = 4  # times as long as a read took, so that a long table and many nudges cost a fifth
REST_MAX_SECONDS = 1.0  # of that rest
READ_TIMEOUT = 1_000  # milliseconds the statement may run

logger = logging.getLogger(__name__)


def nudge_channel() -> str:
    return f"{settings.REDIS_KEY_PREFIX}revocations"


class Watcher:
    """Owns the snapshot of one process. The thread starts with the first question."""

    def __init__(self) -> None:
        self._snapshot = RevocationSnapshot(taken_at=float("-inf"), max_age=0.0)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._failing = False
        self._asked_at = 0.0  # monotonic seconds
        self._started_at = 0.0  # monotonic seconds; of the thread

    def snapshot(self) -> RevocationSnapshot:
        """The newest snapshot. Waits a moment for the first one after start or idleness."""
        snapshot = self._snapshot
        self._asked_at = time.monotonic()
        if snapshot.is_stale or self._thread is None:
            self._start()
            self._await_fresh()
        return self._snapshot

    def put(self, snapshot: RevocationSnapshot) -> None:
        """Make a snapshot known; an older one never replaces a younger one."""
        with self._changed:
            if snapshot.taken_at >= self._snapshot.taken_at:
                self._snapshot = snapshot
            self._failing = False
            self._changed.notify_all()

    def _start(self) -> None:
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="revocations", daemon=True)
                self._started_at = time.monotonic()
                self._thread.start()

    def _await_fresh(self) -> None:
        """Wait for the first look of a thread that has just started, and for no other.

        While the database is away or hangs, every caller learns at once that we do not know.
        """
        left = self._started_at + FIRST_LOOK_SECONDS - time.monotonic()
        if left > 0:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._failing or not self._snapshot.is_stale, timeout=left
                )

    def _run(self) -> None:
        database = own_connection("agora revocations", statement_timeout=READ_TIMEOUT)
        nudges = Nudges(nudge_channel())
        try:
            while not self._may_end():
                nudges.listen()  # before the read, so that none falls between the two
                began_at = time.monotonic()
                self._read(database)
                rest = min(REST_MAX_SECONDS, REST_SHARE * (time.monotonic() - began_at))
                nudges.wait(settings.REVOCATION_REFRESH_SECONDS, gap=max(NUDGE_GAP_SECONDS, rest))
        finally:
            nudges.close()
            database.close()
            with self._changed:
                if self._thread is threading.current_thread():  # it failed: the next question
                    self._thread = None  # starts another

    def _may_end(self) -> bool:
        """Decided under the lock, so that a question is either seen here or starts a new thread."""
        with self._changed:
            if time.monotonic() - self._asked_at < IDLE_SECONDS:
                return False
            self._thread = None
            return True

    def _read(self, database: BaseDatabaseWrapper) -> None:
        try:
            read_plan_book(database)
            self.put(
                read_snapshot(
                    database,
                    max_age=settings.REVOCATION_MAX_AGE_SECONDS,
                    previous=self._snapshot,
                )
            )
        except Error as error:
            database.close()
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        with self._changed:
            if not self._failing:
                logger.warning("Revocations cannot be read: %s", type(error).__name__)
            self._failing = True
            self._changed.notify_all()
