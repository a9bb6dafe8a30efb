"""Forgetting what has left: old rows go, each object's last event stays to keep its sequence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection

from core.limits import OUTBOX_KEEP_DAYS

PURGE_BATCH = 1_000  # rows looked at in one transaction
BEGINNING = (datetime.min.replace(tzinfo=UTC), 0)

# The newest event of an object stays for good, or the next one would be number 1 again. As those
# pile up, a purge walks over the old rows once instead of looking for the oldest again and again.
PURGE = """
    WITH slice AS (
        SELECT position, published_at, kind, object_type, object_id, sequence
        FROM core_outboxevent
        WHERE published_at < %(before)s
          AND (published_at, position) > (%(after_time)s, %(after_position)s)
        ORDER BY published_at, position LIMIT %(batch)s
    ), gone AS (
        DELETE FROM core_outboxevent AS old USING slice
        WHERE old.position = slice.position AND (old.kind = 'task' OR EXISTS (
            SELECT FROM core_outboxevent AS newer
            WHERE newer.kind = old.kind AND newer.object_type = old.object_type
              AND newer.object_id = old.object_id AND newer.sequence > old.sequence))
        RETURNING old.position
    )
    SELECT (SELECT count(*) FROM gone), published_at, position
    FROM slice ORDER BY published_at DESC, position DESC LIMIT 1
"""


def purge_published(*, now: datetime, batch: int = PURGE_BATCH) -> int:
    """Delete rows published more than OUTBOX_KEEP_DAYS before `now`, in batches; how many."""
    before = now - timedelta(days=OUTBOX_KEEP_DAYS)
    deleted, place = 0, BEGINNING
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                PURGE,
                {
                    "before": before,
                    "after_time": place[0],
                    "after_position": place[1],
                    "batch": batch,
                },
            )
            row = cursor.fetchone()
        if row is None:
            return deleted
        deleted += row[0]
        place = (row[1], row[2])
