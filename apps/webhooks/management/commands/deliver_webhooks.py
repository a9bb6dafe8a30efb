"""`manage.py deliver_webhooks`: call the receivers of webhooks until told to stop."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

from django.core.management.base import BaseCommand

from apps.webhooks.services.courier import STOP_SECONDS, Courier

# For glibc's resolver, whose own patience is 10 s a name server: a call waits for 5 s, and a thread
# that asks for longer is kept from others for nothing.
RESOLVER_OPTIONS = "timeout:2 attempts:2"
LEAVE_SECONDS = STOP_SECONDS + 1.0  # the courier's own time to end, and a moment more

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Deliver webhooks. Several may run. Stops on SIGTERM and SIGINT."
    requires_system_checks = ()  # the web's start has run them

    failed = False

    def handle(self, *args: object, **options: object) -> None:
        os.environ.setdefault("RES_OPTIONS", RESOLVER_OPTIONS)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        courier = Courier()
        # A thread of its own, as the relay's: this one must see signals whatever hangs.
        thread = threading.Thread(target=self._deliver, args=(courier, stop), daemon=True)
        thread.start()
        stop.wait()
        thread.join(LEAVE_SECONDS)
        if thread.is_alive():
            logger.warning("A call to the database hangs; leaving it to its lease.")
        # Without waiting for threads that hang in a name server's silence; all that is done is
        # stored, and what is not will be sent again.
        logging.shutdown()
        sys.stdout.flush()
        os._exit(1 if self.failed else 0)

    def _deliver(self, courier: Courier, stop: threading.Event) -> None:
        try:
            courier.run_forever(stop)
        except Exception:
            logger.exception("The delivery of webhooks has failed.")
            self.failed = True
        finally:
            stop.set()
