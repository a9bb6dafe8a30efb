"""How much waits to be delivered, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

WAITING_COUNT_MAX: Final = 100_000  # rows counted at most: some tenths of a second

# What is due and not under way has waited since its time: of each endpoint that may be called, one
# step of an index. What waits for one that is off or rests is nobody's fault here.
READ: Final = """
    SELECT (SELECT count(*) FROM (
               SELECT FROM webhooks_delivery WHERE state = 'pending' LIMIT %(most)s) AS counted),
           COALESCE(EXTRACT(epoch FROM now() - min(first.next_attempt_at)), 0)
    FROM webhooks_webhookendpoint AS endpoint
    JOIN webhooks_endpointhealth AS health ON health.endpoint_id = endpoint.id
    CROSS JOIN LATERAL (
        SELECT next_attempt_at FROM webhooks_delivery
        WHERE endpoint_id = endpoint.id AND state = 'pending'
        ORDER BY next_attempt_at LIMIT 1) AS first
    WHERE endpoint.status = 'enabled' AND endpoint.deleted_at IS NULL
      AND endpoint.application_id <> ALL(%(resting)s::uuid[])
      AND (health.paused_until IS NULL OR health.paused_until <= now())
      AND first.next_attempt_at <= now()
"""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits.

    Attributes:
        waiting: deliveries that are pending, under way or not, counted up to WAITING_COUNT_MAX.
        oldest_seconds: for which the oldest of those that could be made has been due.
    """

    waiting: int
    oldest_seconds: float


def read_backlog(*, resting: Iterable[UUID] = ()) -> Backlog:
    """Ask the indexes of what is pending.

    Args:
        resting: applications whose endpoints hear nothing at the moment.
    """
    values: dict[str, Any] = {"most": WAITING_COUNT_MAX, "resting": [str(each) for each in resting]}
    with connection.cursor() as cursor:
        cursor.execute(READ, values)
        waiting, oldest = cursor.fetchone()
    return Backlog(waiting, float(oldest))
