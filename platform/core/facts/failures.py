"""Which failures of a write lie with the server and pass, and how long to wait for that."""

from __future__ import annotations

from typing import Final

from django.db import DataError, Error, IntegrityError

FIRST_PAUSE: Final = 0.5  # seconds
LONGEST_PAUSE: Final = 10.0  # seconds
PATIENCE: Final = 5  # tries of a batch that a server refuses which is there

# SQLSTATE classes that say nothing about rows: connection, resources, operator, system.
ABOUT_THE_SERVER: Final = frozenset({"08", "53", "57", "58"})


def may_pass(error: Exception, *, failures: int) -> bool:
    """Whether the same batch may be stored later.

    A server that is away, full or stopping is waited for. One that is there and refuses, for a lock
    or a table that is missing, is asked PATIENCE times; refused values are not tried again.

    Args:
        error: what the write raised.
        failures: how often in a row a write has failed before.
    """
    if not isinstance(error, Error) or isinstance(error, DataError | IntegrityError):
        return False
    state: str | None = getattr(error.__cause__, "pgcode", None)
    if state is None or state[:2] in ABOUT_THE_SERVER:
        return True
    return failures < PATIENCE


def pause_after(failures: int) -> float:
    """Seconds to wait after so many failures in a row; doubles up to LONGEST_PAUSE."""
    doubled: float = FIRST_PAUSE * 2 ** min(failures - 1, 10)
    return min(LONGEST_PAUSE, doubled)
