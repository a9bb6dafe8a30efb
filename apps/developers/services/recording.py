"""Storing what was called: a row a call, the sums of the day, and when a key was last used."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from apps.developers.models import RequestRecord
from apps.developers.services.fact_rows import (
    COLUMNS,
    copy_lines,
    days_of,
    id_of,
    keys_used,
    sums_of,
)
from core.db.partitions import ensure_day_partitions
from core.facts.storing import store_once

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from core.facts import RequestFact

TABLE: Final = "developers_requestrecord"
USED_EVERY: Final = 60  # seconds; last_used_at of a key moves no sooner

COPY: Final = f"COPY {TABLE} ({', '.join(COLUMNS)}) FROM STDIN"

# Keys that somebody else has locked are left for the next time: nothing here waits for a service.
MARK_USED: Final = """
    UPDATE developers_apikey AS key SET last_used_at = used.at
    FROM (
        SELECT known.id, called.at
        FROM developers_apikey AS known
        JOIN unnest(%s::uuid[], %s::timestamptz[]) AS called (id, at) USING (id)
        WHERE known.last_used_at IS NULL
            OR known.last_used_at < called.at - make_interval(secs => %s)
        FOR NO KEY UPDATE OF known SKIP LOCKED
    ) AS used
    WHERE key.id = used.id
"""
_days_made: set[date] = set()  # days whose partitions this process has seen to

SUM_ROW: Final = f"({', '.join(['%s'] * 11)})"
ADD_UP: Final = """
    INSERT INTO developers_usageday AS known (day, account_id, application_id, method, route, work,
        calls, client_errors, server_errors, units, latency_histogram)
    VALUES {rows}
    ON CONFLICT ON CONSTRAINT usage_day_once DO UPDATE SET
        calls = known.calls + EXCLUDED.calls,
        client_errors = known.client_errors + EXCLUDED.client_errors,
        server_errors = known.server_errors + EXCLUDED.server_errors,
        units = known.units + EXCLUDED.units,
        latency_histogram = (
            SELECT array_agg(coalesce(old, 0) + coalesce(new, 0) ORDER BY place)
            FROM unnest(known.latency_histogram, EXCLUDED.latency_histogram)
                WITH ORDINALITY AS bucket (old, new, place))
"""


def record_requests(facts: Sequence[RequestFact]) -> None:
    """Store a batch in one transaction; for settings.REQUEST_SINK.

    A day without a partition gets one. What is stored already, since a commit was not heard of, is
    not stored or added up again.

    Args:
        facts: a few thousand at most; they are held in memory twice.

    Raises:
        Error: nothing of the batch is stored.
    """
    days = days_of(facts)
    if not days <= _days_made:
        _make_partitions(days)
    store_once(
        facts,
        store=_store,
        not_yet_stored=_not_yet_stored,
        make_partitions=lambda: _make_partitions(days),
    )


@transaction.atomic
def _store(facts: Sequence[RequestFact]) -> None:
    """The sums come last: their rows are the ones that processes wait for each other at."""
    if not facts:
        return
    with connection.wrap_database_errors, connection.cursor() as cursor:
        cursor.copy_expert(COPY, StringIO(copy_lines(facts)))
    _mark_used(facts)
    _add_up(facts)


def _mark_used(facts: Sequence[RequestFact]) -> None:
    """Move last_used_at, and not the row's version: using a key does not change it."""
    used = keys_used(facts)
    if used:
        with connection.cursor() as cursor:
            cursor.execute(MARK_USED, [list(used), list(used.values()), USED_EVERY])


def _add_up(facts: Sequence[RequestFact]) -> None:
    sums = sums_of(facts)
    values: list[str | int | None] = []
    for key, added in sums:
        histogram = ",".join(map(str, added.histogram))
        values += [key.day, key.account_id, key.application_id or None]
        values += [key.method, key.route, key.work, added.calls, added.client_errors]
        values += [added.server_errors, added.units, f"{{{histogram}}}"]
    with connection.cursor() as cursor:
        cursor.execute(ADD_UP.format(rows=", ".join([SUM_ROW] * len(sums))), values)


def _not_yet_stored(facts: Sequence[RequestFact]) -> list[RequestFact]:
    days = days_of(facts)
    stored = RequestRecord.objects.filter(day__in=days, id__in=[id_of(fact) for fact in facts])
    known = {id_.hex for id_ in stored.values_list("id", flat=True)}
    return [fact for fact in facts if id_of(fact) not in known]


def _make_partitions(days: set[date]) -> None:
    """The beat makes them ahead; this is for the first day of all, and for days without a beat."""
    for day in sorted(days):
        ensure_day_partitions(TABLE, first=day, days=1)
    _days_made.update(days)
