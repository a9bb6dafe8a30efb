"""Doing the same thing at the same moment, one thread each."""

from __future__ import annotations

import threading
import time

from django.db import connection, transaction

PATIENCE = 20  # seconds until another session is there, or waits
WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def in_parallel(call, *, count):
    """What call(0), call(1) ... answer when all start together; what one raises is its answer."""
    barrier = threading.Barrier(count)
    answers = [None] * count

    def run(number):
        barrier.wait(timeout=20)
        try:
            answers[number] = call(number)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            answers[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return answers


def one_behind_the_other(first, then):
    """What two calls answer of which the second begins while the first has not committed yet.

    The second has to wait for a lock that the first holds until its end.
    """
    done, release = threading.Event(), threading.Event()

    def call(number):
        if number == 1:
            assert done.wait(PATIENCE)
            return then()
        with transaction.atomic():
            answer = first()
            done.set()
            assert release.wait(PATIENCE)
        return answer

    def watch():
        try:
            done.wait(PATIENCE)
            wait_for_a_waiting_session()
        finally:
            release.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    answers = in_parallel(call, count=2)
    watcher.join()
    return answers


def wait_for_a_waiting_session():
    until = time.monotonic() + PATIENCE
    try:
        with connection.cursor() as cursor:
            while time.monotonic() < until:
                cursor.execute(WAITING)
                if cursor.fetchone()[0]:
                    return
                time.sleep(0.02)
    finally:
        connection.close()
