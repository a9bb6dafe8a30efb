"""Which days of which versions to look at: until they are over, and when truth comes late."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from django.db import connection

if TYPE_CHECKING:
    from datetime import date, datetime
    from uuid import UUID

DAYS_BACK: Final = 7  # so long may the beat be away, and each day is still measured
SETTLED_AFTER: Final = 600  # seconds after midnight; the log's last rows are there by then
LATE_COMMIT: Final = 60  # seconds; a truth may be seen so long after it was received

UNFINISHED: Final = """
    SELECT version.id, day.day::date
    FROM ml_models_modelversion AS version
    CROSS JOIN generate_series(%(first)s::date, %(last)s::date, interval '1 day') AS day (day)
    WHERE version.state IN ('ready', 'retired')
        AND NOT EXISTS (
            SELECT FROM {table} AS known
            WHERE known.version_id = version.id AND known.day = day.day::date
                AND known.computed_at >= (day.day::date + 1)::timestamp AT TIME ZONE 'UTC'
                    + make_interval(secs => %(settled)s))
        AND EXISTS (
            SELECT FROM ml_models_loggedprediction AS logged
            WHERE logged.version_id = version.id AND logged.day = day.day::date)
    ORDER BY 2, 1
"""
REOPENED: Final = """
    SELECT truth.version_id, truth.day
    FROM ml_models_predictiontruth AS truth
    JOIN ml_models_modelversion AS version ON version.id = truth.version_id
    LEFT JOIN ml_models_versionquality AS known
        ON known.version_id = truth.version_id AND known.day = truth.day
    GROUP BY truth.version_id, truth.day, known.computed_at
    HAVING max(truth.received_at) > coalesce(known.computed_at - make_interval(secs => %(late)s),
            '-infinity')
    ORDER BY 2, 1
"""


def unfinished_days(table: str, *, now: datetime) -> list[tuple[UUID, date]]:
    """(version, day) with logged calls and no final row, oldest first.

    A row is final once it was computed after its day had ended.

    Args:
        table: where the rows are, with version_id, day and computed_at; a name of ours.
        now: today is the day (UTC) of it.
    """
    today = now.astimezone(UTC).date()
    return _pairs(
        UNFINISHED.format(table=table),
        {
            "first": today - timedelta(days=DAYS_BACK),
            "last": today,
            "settled": SETTLED_AFTER,
        },
    )


def reopened_days() -> list[tuple[UUID, date]]:
    """(version, day) of which more truth is known than when its quality was computed."""
    return _pairs(REOPENED, {"late": LATE_COMMIT})


def _pairs(statement: str, parameters: dict[str, date | int]) -> list[tuple[UUID, date]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [(version, day) for version, day in cursor.fetchall()]
