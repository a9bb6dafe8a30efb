"""`manage.py relay_outbox`: hand committed work to Celery and to subscribers until told to stop."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

from django.core.management.base import BaseCommand
from django.utils.module_loading import autodiscover_modules

from core.outbox.relay import Relay

STOP_SECONDS = 1.5  # seconds the relay gets to finish the row in hand

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Publish the outbox. One relay leads; others stand by. Stops on SIGTERM and SIGINT."
    requires_system_checks = ()  # the web's start has run them

    def handle(self, *args: object, **options: object) -> None:
        # Their queues are known only once the task modules are imported.
        autodiscover_modules("tasks")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        relay = Relay()  # here, so that a subscriber that cannot be imported ends the process
        # A thread of its own: a statement to a database that hangs keeps its thread from ever
        # seeing a signal, and this one must.
        thread = threading.Thread(target=self._relay, args=(relay, stop), name="relay", daemon=True)
        thread.start()
        stop.wait()
        thread.join(STOP_SECONDS)
        if thread.is_alive():
            # Nothing is lost: what is not marked will be sent again.
            logger.warning("The relay hangs in a call to the database or the broker; leaving it.")
            logging.shutdown()
            os._exit(0)
        if self.failed:
            sys.exit(1)

    failed = False

    def _relay(self, relay: Relay, stop: threading.Event) -> None:
        try:
            relay.run_forever(stop)
        except Exception:
            logger.exception("The relay has failed.")
            self.failed = True
        finally:
            stop.set()
