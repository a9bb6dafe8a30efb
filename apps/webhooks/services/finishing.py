"""Writing down what tries came to: the log, the delivery, its successor, its endpoint's health."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import Error, IntegrityError, connection, transaction

from apps.webhooks.models import Delivery, DeliveryAttempt, EndpointHealth
from apps.webhooks.services.health import Result, note, reason_to_disable
from apps.webhooks.services.keeping import make_attempt_partition
from apps.webhooks.services.scheduling import delay_after, retry_after_of
from apps.webhooks.services.switching import disable_failing
from core.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from core.outbound.exchange import Exchange

# Only by the lease that the try was made under: whoever has lost it writes no state.
STORE: Final = """
    UPDATE webhooks_delivery AS delivery
    SET state = outcome.state, attempts = delivery.attempts + 1,
        next_attempt_at = now() + make_interval(secs => outcome.delay),
        finished_at = CASE outcome.state WHEN 'pending' THEN NULL ELSE now() END,
        lease_token = NULL, lease_until = NULL,
        last_status = outcome.status, last_error = outcome.error,
        row_version = delivery.row_version + 1, updated_at = now()
    FROM unnest(%(ids)s::uuid[], %(tokens)s::uuid[], %(states)s::text[], %(delays)s::float8[],
                %(statuses)s::int[], %(errors)s::text[])
         AS outcome(id, token, state, delay, status, error)
    WHERE delivery.id = outcome.id AND delivery.lease_token = outcome.token
      AND delivery.state = 'pending'
    RETURNING delivery.id
"""

# The next of the same object, which a claim may have parked. It goes to the head of its endpoint's
# line: behind a long backlog of its object it would wait until all of that had been parked.
WAKE: Final = """
    WITH woken AS (
        SELECT following.id, LEAST(now(), (
            SELECT min(next_attempt_at) FROM webhooks_delivery
            WHERE endpoint_id = ended.endpoint_id AND state = 'pending')) AS moment
        FROM webhooks_delivery AS ended CROSS JOIN LATERAL (
            SELECT id FROM webhooks_delivery
            WHERE endpoint_id = ended.endpoint_id AND object_key = ended.object_key
              AND event_position > ended.event_position AND state = 'pending' AND is_ordered
            ORDER BY event_position LIMIT 1) AS following
        WHERE ended.id = ANY(%(ids)s::uuid[]) AND ended.is_ordered AND ended.state <> 'pending')
    UPDATE webhooks_delivery AS delivery
    SET next_attempt_at = woken.moment, row_version = delivery.row_version + 1, updated_at = now()
    FROM woken
    WHERE delivery.id = woken.id AND delivery.next_attempt_at > woken.moment
      AND delivery.state = 'pending' AND delivery.lease_token IS NULL
"""

# In one statement: Django's bulk_update takes longer to be put together than all the rest to run.
HEALTH: Final = (
    *("is_trusted", "paused_until", "failing_since", "failures_in_a_row"),
    *("last_success_at", "last_failure_at"),
)
SAVE_HEALTH: Final = """
    UPDATE webhooks_endpointhealth AS health
    SET is_trusted = seen.is_trusted, paused_until = seen.paused_until,
        failing_since = seen.failing_since, failures_in_a_row = seen.failures_in_a_row,
        last_success_at = seen.last_success_at, last_failure_at = seen.last_failure_at
    FROM unnest(%(ids)s::uuid[], %(is_trusted)s::boolean[], %(paused_until)s::timestamptz[],
                %(failing_since)s::timestamptz[], %(failures_in_a_row)s::int[],
                %(last_success_at)s::timestamptz[], %(last_failure_at)s::timestamptz[])
         AS seen(id, is_trusted, paused_until, failing_since, failures_in_a_row, last_success_at,
                 last_failure_at)
    WHERE health.endpoint_id = seen.id
"""

LOST: Final = "lost"  # what is said of a try whose lease was gone

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tried:
    """One try that has ended.

    Attributes:
        delivery: as it was claimed, with its lease.
        at: aware, UTC; when it began.
        headers: as sent.
        exchange: what came of it.
        id: of its line in the log, so that storing it again writes no second one.
    """

    delivery: Delivery
    at: datetime
    headers: Mapping[str, str]
    exchange: Exchange
    id: UUID = field(default_factory=uuid7)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What becomes of a delivery, and what its endpoint is told."""

    tried: Tried
    result: Result
    state: str
    delay: float  # seconds


def finish(tries: Sequence[Tried]) -> dict[UUID, str]:
    """Store tries in one transaction, then switch off what has to be; the state of each delivery.

    A try whose lease was gone leaves its line in the log and nothing else; its state is LOST.

    Raises:
        OperationalError, InterfaceError: the database is away; nothing is stored, try again.
    """
    try:
        states, doomed = _store(tries)
    except IntegrityError:  # no partition for the day: nobody has made any for long
        for day in {tried.at.date() for tried in tries}:
            make_attempt_partition(day)
        states, doomed = _store(tries)
    for endpoint_id, (reason, now) in doomed.items():
        _switch_off(endpoint_id, reason, now)
    return states


def _switch_off(endpoint_id: UUID, reason: str, now: datetime) -> None:
    """After the commit, since it takes the endpoint's lock first. The next failure asks again."""
    try:
        disable_failing(endpoint_id=endpoint_id, reason=reason, now=now)
    except Error:
        logger.exception("Endpoint %s could not be switched off.", endpoint_id)


@transaction.atomic
def _store(
    tries: Sequence[Tried],
) -> tuple[dict[UUID, str], dict[UUID, tuple[str, datetime]]]:
    """States by delivery; reason and time by endpoint that is to be switched off."""
    healths, now = _lock_health({tried.delivery.endpoint_id for tried in tries})
    outcomes = [_outcome_of(tried, now) for tried in tries]
    stored = set(_execute(STORE, _columns(outcomes)))
    _execute(WAKE, {"ids": [str(key) for key in stored]})
    lines = [_line(outcome.tried) for outcome in outcomes]
    DeliveryAttempt.objects.bulk_create(lines, ignore_conflicts=True)
    counted = [each for each in outcomes if each.tried.delivery.pk in stored]
    doomed = _note_health(counted, healths, now)
    states = {each.tried.delivery.pk: LOST for each in outcomes}
    states |= {each.tried.delivery.pk: each.state for each in counted}
    return states, doomed


def _note_health(
    outcomes: Sequence[_Outcome], healths: Mapping[UUID, EndpointHealth], now: datetime
) -> dict[UUID, tuple[str, datetime]]:
    """Caller holds the locks. Reason and time by endpoint that is to be switched off."""
    doomed: dict[UUID, tuple[str, datetime]] = {}
    for outcome in outcomes:
        health = healths[outcome.tried.delivery.endpoint_id]
        note(health, outcome.result, now=now, draw=random.uniform)
        reason = reason_to_disable(health, outcome.result, now=now)
        if reason is not None:
            doomed[health.pk] = (reason, now)
    touched = {outcome.tried.delivery.endpoint_id for outcome in outcomes}
    _save_health(healths[endpoint_id] for endpoint_id in touched)
    return doomed


def _lock_health(endpoint_ids: Iterable[UUID]) -> tuple[dict[UUID, EndpointHealth], datetime]:
    """The rows, locked in one order, and the database's time."""
    rows = EndpointHealth.objects.filter(pk__in=list(endpoint_ids)).order_by("pk")
    found = {health.pk: health for health in rows.select_for_update(no_key=True)}
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return found, cursor.fetchone()[0]


def _save_health(rows: Iterable[EndpointHealth]) -> None:
    columns: dict[str, list[object]] = {"ids": []}
    for row in rows:
        columns["ids"].append(str(row.pk))
        for name in HEALTH:
            columns.setdefault(name, []).append(getattr(row, name))
    if columns["ids"]:
        _execute(SAVE_HEALTH, columns)


def _outcome_of(tried: Tried, now: datetime) -> _Outcome:
    exchange, delivery = tried.exchange, tried.delivery
    asked = retry_after_of(exchange.status, exchange.headers.get("retry-after"), now=now)
    result = Result(
        arrived=not exchange.error,
        seconds=exchange.seconds,
        status=exchange.status,
        retry_after=asked,
    )
    if result.arrived:
        return _Outcome(tried, result, Delivery.State.SUCCEEDED, 0.0)
    delay = None if delivery.is_test else delay_after(delivery.attempts + 1, draw=random.uniform)
    if delay is None:
        return _Outcome(tried, result, Delivery.State.FAILED, 0.0)
    return _Outcome(tried, result, Delivery.State.PENDING, max(delay, asked or 0.0))


def _columns(outcomes: Sequence[_Outcome]) -> dict[str, list[object]]:
    """A list a column, as STORE unnests them."""
    return {
        "ids": [str(each.tried.delivery.pk) for each in outcomes],
        "tokens": [str(each.tried.delivery.lease_token) for each in outcomes],
        "states": [str(each.state) for each in outcomes],
        "delays": [each.delay for each in outcomes],
        "statuses": [each.tried.exchange.status for each in outcomes],
        "errors": [each.tried.exchange.error for each in outcomes],
    }


def _line(tried: Tried) -> DeliveryAttempt:
    exchange = tried.exchange
    kept = bytes(exchange.body[: settings.WEBHOOK_RESPONSE_KEPT])
    return DeliveryAttempt(
        id=tried.id,
        day=tried.at.date(),
        delivery_id=tried.delivery.pk,
        endpoint_id=tried.delivery.endpoint_id,
        number=tried.delivery.attempts + 1,
        at=tried.at,
        duration_ms=round(exchange.seconds * 1000),
        address=exchange.address,
        request_headers=dict(tried.headers),
        response_status=exchange.status,
        response_headers=exchange.headers,
        # PostgreSQL stores no NUL in a text.
        response_body=kept.decode("utf-8", "replace").replace("\x00", "\ufffd"),
        error=exchange.error,
    )


def _execute(statement: str, values: Mapping[str, Any]) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [key for (key,) in cursor.fetchall()] if cursor.description else []
