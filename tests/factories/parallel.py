"""Doing the same thing at the same moment, one thread each."""

from __future__ import annotations

import threading

from django.db import connection


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
