"""Limits of replays, with their units.

A replay is one task and begins anew when its worker dies: with these it takes seconds, so nothing
of it is worth keeping half done.
"""

from __future__ import annotations

from typing import Final

CALLS_MAX: Final = 10_000  # logged calls of one replay
ROWS_MAX: Final = 100_000  # rows of them: 1 % of flips is then known to 0.06 % either way
WORK_SECONDS: Final = 40.0  # since it was claimed, loads and all; Celery's soft limit is 60 s
PAGE_CALLS: Final = 200  # read from the log at once
FIRST_ROWS: Final = 1  # of the first engine call, since nobody knows how slow the versions are
ENGINE_ROWS: Final = 512  # rows of one engine call at most
BATCH_SECONDS: Final = 2.0  # that one batch should take of both versions together, at most
LEASE_SECONDS: Final = 20  # without a sign of life another worker may begin it anew
LOADING_SECONDS: Final = 30  # the same while a version is loaded, which gives no sign of life
ATTEMPTS_MAX: Final = 3  # leases of one replay that may run out before it is given up
OFFER_SECONDS: Final = 10  # a replay that nobody has begun is offered again after this
BINS: Final = 20  # of the histogram of differences
MOST_DIFFERENT: Final = 20  # rows that are named
PAIRS_MAX: Final = 100  # pairs of decisions that are counted by themselves, the most frequent
FAILURES_MAX: Final = 10  # reasons why rows failed that are told, the most frequent
