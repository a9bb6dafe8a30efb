"""`python -m tests.harness.announcer EVENTS OBJECTS`: a burst of events, each kept trying.

Writes the id of each event whose commit was confirmed as a line. One whose commit was cut off may
have happened; it is announced again, so that the outbox may hold more than the journal.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import django

THREADS = 4
PAUSE = 0.005  # seconds between two events of a thread, so that the burst lasts
RETRY = 0.1  # seconds until a database that is away is asked again


def main(events: int, objects: int) -> None:
    django.setup()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda first: burst(first, events, objects), range(THREADS)))


def burst(first: int, events: int, objects: int) -> None:
    for number in range(first, events, THREADS):
        confirmed = None
        while confirmed is None:
            confirmed = announce(f"burst-{number % objects}")
        sys.stdout.write(f"{confirmed}\n")
        sys.stdout.flush()
        time.sleep(PAUSE)


def announce(object_id: str) -> object:
    """The event's id; None when the database did not say that it has it."""
    from django.db import InterfaceError, OperationalError, connection, transaction

    from apps.ml_models.events import BATCH_QUEUED
    from core.ids import uuid7
    from core.outbox import publish

    try:
        with transaction.atomic():
            return publish(BATCH_QUEUED.about(object_id, BATCH_QUEUED.example, account_id=uuid7()))
    except (OperationalError, InterfaceError):
        connection.close()
        time.sleep(RETRY)
        return None


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
