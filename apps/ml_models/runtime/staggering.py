"""Loading in turn: one process of a host loads at a time, so the others' cores go on answering."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK_NAME = "loading.lock"  # in the state directory, which the processes of a host share
MARK_BYTES = 42  # of the process id and the start of a turn, always as long
TRY_AGAIN_SECONDS = 0.01
STEP_SECONDS = 0.001  # rest between two steps of a warm-up, in which callers get the core

logger = logging.getLogger(__name__)


@contextmanager
def turn_of_this_host() -> Iterator[None]:
    """Wait for the lock of this host, flock(2), and hold it meanwhile.

    The kernel lets go of it when its holder dies. One that hangs is waited for no longer than
    SERVING_TURN_SECONDS: then two load at once, which is slower and not wrong. However many wait,
    each holder has that time, since it writes into the file who it is.
    """
    try:
        lock = os.open(
            Path(settings.STATE_DIR) / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
    except OSError as error:
        logger.warning("Loads of this host do not take turns: %s", error)
        yield
        return
    try:
        _wait_for(lock)
        yield
    finally:
        with suppress(OSError):  # a child forked meanwhile has the file open, and must not hold it
            fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


def _wait_for(lock: int) -> None:
    holder, until = b"", time.monotonic() + settings.SERVING_TURN_SECONDS
    while not _take(lock):
        now, found = time.monotonic(), os.pread(lock, MARK_BYTES, 0)
        if found != holder:
            holder, until = found, now + settings.SERVING_TURN_SECONDS
        if now >= until:
            logger.warning("A process of this host has been loading for long; not waiting for it.")
            return
        time.sleep(TRY_AGAIN_SECONDS)


def _take(lock: int) -> bool:
    """Take the lock if it is free, and write down whose turn it is: process and start."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    mark = f"{os.getpid():>20} {time.monotonic_ns():>20}\n".encode()
    with suppress(OSError):  # a full disk: then nobody sees that the turn has changed
        os.pwrite(lock, mark, 0)
    return True


def rest_a_moment() -> None:
    """Between two steps of a warm-up."""
    time.sleep(STEP_SECONDS)
