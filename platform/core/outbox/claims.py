"""The relay's statements: which rows are due, which have left, which must wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from core.limits import OUTBOX_BACKOFF_MAX
from core.models import OutboxEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

BACKOFF_FIRST = 1  # seconds until the second try of a row; doubles with each failure
ERROR_MAX = 500  # characters kept of an error
RATE_SECONDS = 60  # that a rate is counted over
PUBLISHED_COUNT_MAX = 100_000  # rows counted at most for it
WAITING_COUNT_MAX = 10_000  # rows counted at most, so that looking at a backlog stays cheap


def due_rows(kind: OutboxEvent.Kind, *, limit: int) -> list[OutboxEvent]:
    """The oldest rows of a kind whose time has come and whose object nothing holds up, in order.

    A row waits as long as an earlier row of its object is backing off: order per object goes before
    speed. The database's clock decides.
    """
    unpublished = OutboxEvent.objects.filter(kind=kind, published_at=None)
    holding_up = unpublished.filter(
        object_type=OuterRef("object_type"),
        object_id=OuterRef("object_id"),
        position__lt=OuterRef("position"),
        next_attempt_at__gt=Now(),
    )
    due = unpublished.filter(~Exists(holding_up), next_attempt_at__lte=Now())
    return list(due.order_by("position")[:limit])


def mark_published(positions: Sequence[int]) -> None:
    if positions:
        rows = OutboxEvent.objects.filter(position__in=positions, published_at=None)
        rows.update(published_at=Now(), last_error="")


def put_off(row: OutboxEvent, error: Exception) -> None:
    """Try the row again later: after 1, 2, 4 ... seconds, at most OUTBOX_BACKOFF_MAX."""
    seconds = min(OUTBOX_BACKOFF_MAX, BACKOFF_FIRST * 2 ** min(row.attempts, 16))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE core_outboxevent SET attempts = attempts + 1, last_error = %s,"
            " next_attempt_at = clock_timestamp() + make_interval(secs => %s) WHERE position = %s",
            [describe(error), seconds, row.position],
        )


def describe(error: Exception) -> str:
    """One line for people: the class and what it says. NUL cannot be stored."""
    text = f"{type(error).__name__}: {error}".replace("\x00", "")
    return " ".join(text.split())[:ERROR_MAX]


def retry_now(positions: Sequence[int]) -> int:
    """Make rows that back off due at once; how many."""
    rows = OutboxEvent.objects.filter(position__in=positions, published_at=None)
    return rows.update(next_attempt_at=Now())


def give_up(positions: Sequence[int]) -> int:
    """Take rows out of the way unsent; their last error stays to say why. Returns how many."""
    rows = OutboxEvent.objects.filter(position__in=positions, published_at=None, attempts__gt=0)
    return rows.update(published_at=Now())


@dataclass(frozen=True, slots=True)
class Backlog:
    """How far the relay is behind.

    Attributes:
        waiting: unpublished rows, counted up to WAITING_COUNT_MAX.
        failing: those of them that have failed at least once.
        lag_seconds: age of the oldest unpublished row; 0 when there is none.
    """

    waiting: int
    failing: int
    lag_seconds: float


def read_backlog() -> Backlog:
    with connection.cursor() as cursor:
        cursor.execute(READ_BACKLOG, {"most": WAITING_COUNT_MAX})
        waiting, failing, lag = cursor.fetchone()
    return Backlog(waiting=waiting, failing=failing, lag_seconds=float(lag))


def count_published() -> int:
    """Rows of either kind that have left in the last RATE_SECONDS, counted up to a limit."""
    since = Now() - timedelta(seconds=RATE_SECONDS)
    return OutboxEvent.objects.filter(published_at__gte=since)[:PUBLISHED_COUNT_MAX].count()


READ_BACKLOG = """
    SELECT count(*), count(*) FILTER (WHERE attempts > 0),
           coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)
    FROM (SELECT attempts, created_at FROM core_outboxevent
          WHERE published_at IS NULL ORDER BY kind, position LIMIT %(most)s) AS head
"""
