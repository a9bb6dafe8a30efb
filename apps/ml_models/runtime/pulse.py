"""The thread that says that the process lives, and hears that there is something to look at."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import Error

from apps.ml_models.runtime.nudges import channel
from core.db.connections import own_connection
from core.nudges import Nudges

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    from apps.ml_models.runtime.heartbeat import Heartbeat

WRITE_TIMEOUT = 1_000  # milliseconds the statement may run
NUDGE_GAP_SECONDS = 0.02  # between two looks, however many nudges arrive

logger = logging.getLogger(__name__)


class Pulse:
    """Writes one row each SERVING_HEARTBEAT_SECONDS and waits for nudges in between.

    Args:
        heartbeat: knows the row.
        wake: set when routing may have changed.
    """

    def __init__(self, heartbeat: Heartbeat, wake: threading.Event) -> None:
        self._heartbeat = heartbeat
        self._wake = wake
        self._stopping = threading.Event()
        self.is_listening = False  # for nudges, since they were last waited for

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        database = own_connection("agora models", statement_timeout=WRITE_TIMEOUT)
        nudges = Nudges(channel())
        try:
            while not self._stopping.is_set():
                self._round(database, nudges)
        finally:
            nudges.close()
            database.close()

    def _round(self, database: BaseDatabaseWrapper, nudges: Nudges) -> None:
        """One sign of life, and the nudges until the next. Whatever happens, there is a next."""
        until = time.monotonic() + settings.SERVING_HEARTBEAT_SECONDS
        try:
            self.is_listening = nudges.listen()
            self._beat(database)
            self._listen(nudges, until=until)
        except Exception:
            logger.exception("A sign of life failed; the next one follows.")
            self._stopping.wait(max(0.0, until - time.monotonic()))

    def _beat(self, database: BaseDatabaseWrapper) -> None:
        try:
            if not self._heartbeat.pulse(database):
                self._heartbeat.report_soon()
                self._wake.set()
        except Error as error:
            logger.info("No sign of life could be written: %s", type(error).__name__)
            database.close()

    def _listen(self, nudges: Nudges, *, until: float) -> None:
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            if nudges.wait(left, gap=NUDGE_GAP_SECONDS):
                self._wake.set()
