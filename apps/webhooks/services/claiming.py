"""Who is at which delivery: leases by the database's clock, fair among endpoints.

An endpoint's health row is the lock on its queue: a claim passes over those that another process
holds, a finish waits for it. Nothing is locked while a receiver is being called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction

from apps.developers.selectors.resting import resting_among
from apps.webhooks.models import Delivery, WebhookEndpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOOKED_AT: Final = 3  # due deliveries that one claim looks at for each that it may take
# One that waits for an earlier one of its object is looked at again when that has ended, and after
# so many seconds in any case.
PARKED_SECONDS: Final = 300

TRUSTED, TRIAL, FAILING = "trusted", "trial", "failing"
LANES: Final = (TRUSTED, TRIAL, FAILING)
LANE: Final = """CASE WHEN health.failures_in_a_row > 0 THEN 'failing'
                      WHEN health.is_trusted THEN 'trusted' ELSE 'trial' END"""

# One step from endpoint to endpoint in the index of what is pending, however much waits for each.
# Who has least under way comes first, then whose last answer is longest ago: by age alone, a few
# endpoints with old backlogs would take every place that becomes free.
FIND: Final = f"""
    WITH RECURSIVE waiting AS (
        (SELECT endpoint_id, next_attempt_at FROM webhooks_delivery WHERE state = 'pending'
         ORDER BY endpoint_id, next_attempt_at LIMIT 1)
        UNION ALL
        SELECT following.endpoint_id, following.next_attempt_at
        FROM waiting CROSS JOIN LATERAL (
            SELECT endpoint_id, next_attempt_at FROM webhooks_delivery
            WHERE state = 'pending' AND endpoint_id > waiting.endpoint_id
            ORDER BY endpoint_id, next_attempt_at LIMIT 1) AS following
    ), due AS (
        SELECT waiting.endpoint_id, {LANE} AS lane, row_number() OVER (
            PARTITION BY {LANE}
            ORDER BY held.count, GREATEST(health.last_success_at, health.last_failure_at)
                NULLS FIRST, waiting.next_attempt_at, waiting.endpoint_id) AS place
        FROM waiting
        JOIN webhooks_webhookendpoint AS endpoint ON endpoint.id = waiting.endpoint_id
        JOIN webhooks_endpointhealth AS health ON health.endpoint_id = waiting.endpoint_id
        CROSS JOIN LATERAL (
            SELECT count(*) FROM webhooks_delivery
            WHERE endpoint_id = waiting.endpoint_id AND lease_token IS NOT NULL
              AND lease_until > now()) AS held
        WHERE waiting.next_attempt_at <= now()
          AND endpoint.status = 'enabled' AND endpoint.deleted_at IS NULL
          AND endpoint.application_id <> ALL(%(resting)s::uuid[])
          AND endpoint.id <> ALL(%(passed_over)s::uuid[])
          AND (health.paused_until IS NULL OR health.paused_until <= now())
          AND held.count < CASE {LANE} WHEN 'trusted' THEN %(per_endpoint)s ELSE 1 END
    )
    SELECT due.endpoint_id FROM due
    JOIN webhooks_endpointhealth AS health ON health.endpoint_id = due.endpoint_id
    WHERE due.place <= CASE due.lane WHEN 'trusted' THEN %(trusted)s
                       WHEN 'trial' THEN %(trial)s ELSE %(failing)s END
    FOR NO KEY UPDATE OF health SKIP LOCKED
"""  # noqa: S608 - the lanes are ours

# A statement of its own: it must see what was claimed before the locks of FIND were had.
CLAIM: Final = f"""
    WITH room AS MATERIALIZED (
        SELECT health.endpoint_id, {LANE} AS lane,
               CASE {LANE} WHEN 'trusted' THEN %(per_endpoint)s ELSE 1 END
               - (SELECT count(*) FROM webhooks_delivery AS held
                  WHERE held.endpoint_id = health.endpoint_id AND held.lease_token IS NOT NULL
                    AND held.lease_until > now()) AS free
        FROM webhooks_endpointhealth AS health
        WHERE health.endpoint_id = ANY(%(endpoints)s::uuid[])
          AND (health.paused_until IS NULL OR health.paused_until <= now())
    ), due AS (
        SELECT room.lane, room.free, first.id, first.endpoint_id, first.event_position,
               first.next_attempt_at, CASE WHEN first.is_ordered THEN (
                   SELECT next_attempt_at FROM webhooks_delivery
                   WHERE endpoint_id = first.endpoint_id AND object_key = first.object_key
                     AND event_position < first.event_position
                     AND state = 'pending' AND is_ordered
                   ORDER BY event_position LIMIT 1) END AS parked
        FROM room CROSS JOIN LATERAL (
            SELECT id, endpoint_id, object_key, event_position, is_ordered, next_attempt_at
            FROM webhooks_delivery
            WHERE endpoint_id = room.endpoint_id AND state = 'pending' AND next_attempt_at <= now()
            ORDER BY next_attempt_at, event_position
            LIMIT GREATEST(0, room.free) * {LOOKED_AT}) AS first
    ), looked_at AS (
        SELECT due.*, row_number() OVER (
            PARTITION BY endpoint_id, parked IS NOT NULL
            ORDER BY next_attempt_at, event_position, id) AS turn
        FROM due
    ), ready AS (
        SELECT id, lane, row_number() OVER (
            PARTITION BY lane ORDER BY turn, next_attempt_at, id) AS place
        FROM looked_at WHERE parked IS NULL AND turn <= free
    ), chosen AS (
        SELECT id, NULL::timestamptz AS parked FROM ready
        WHERE place <= CASE lane WHEN 'trusted' THEN %(trusted)s
                       WHEN 'trial' THEN %(trial)s ELSE %(failing)s END
        UNION ALL
        SELECT id, parked FROM looked_at WHERE parked IS NOT NULL
    ), held AS (
        SELECT id FROM webhooks_delivery
        WHERE id = ANY(ARRAY(SELECT id FROM chosen)) AND state = 'pending'
        FOR NO KEY UPDATE SKIP LOCKED
    ), parked AS (
        UPDATE webhooks_delivery AS delivery
        SET next_attempt_at = GREATEST(
                LEAST(chosen.parked, now() + make_interval(secs => {PARKED_SECONDS})),
                now() + interval '1 second'),
            row_version = delivery.row_version + 1, updated_at = now()
        FROM chosen JOIN held USING (id)
        WHERE delivery.id = chosen.id AND chosen.parked IS NOT NULL
    )
    UPDATE webhooks_delivery AS delivery
    SET lease_token = %(token)s::uuid,
        lease_until = now() + make_interval(secs => %(lease)s),
        next_attempt_at = now() + make_interval(secs => %(lease)s),
        row_version = delivery.row_version + 1, updated_at = now()
    FROM chosen JOIN held USING (id)
    WHERE delivery.id = chosen.id AND chosen.parked IS NULL
    RETURNING delivery.id
"""  # noqa: S608 - likewise


@dataclass(frozen=True, slots=True)
class Claim:
    """What was leased by one call.

    Attributes:
        deliveries: leased to the caller, with endpoint and health; to be sent by its lane.
        looked: whether anything was due at all, so that another look at once may find more.
    """

    deliveries: list[Delivery]
    looked: bool


def claim_deliveries(
    *, free: Mapping[str, int], resting: Iterable[UUID] = (), passed_over: Iterable[UUID] = ()
) -> Claim:
    """Lease what is due, each endpoint's first before any endpoint's second, in turns.

    At most one is under way to an endpoint, to a trusted one WEBHOOK_PER_ENDPOINT, over all
    processes; and of one endpoint and object the first that is pending alone, unless redelivered.

    Args:
        free: places by lane, of LANES.
        resting: applications whose endpoints hear nothing at the moment; their deliveries wait.
        passed_over: endpoints that the caller does not want now.
    """
    token = uuid4()
    values: dict[str, Any] = {
        **free,
        "per_endpoint": settings.WEBHOOK_PER_ENDPOINT,
        "lease": settings.WEBHOOK_LEASE_SECONDS,
        "resting": [str(each) for each in resting],
        "passed_over": [str(each) for each in passed_over],
        "token": str(token),
    }
    with transaction.atomic():
        values["endpoints"] = [str(key) for key in _execute(FIND, values)]
        if not values["endpoints"]:
            return Claim([], looked=False)
        claimed = _execute(CLAIM, values)
    rows = Delivery.objects.filter(pk__in=claimed, lease_token=token)
    return Claim(list(rows.select_related("endpoint__health")), looked=True)


def resting_applications() -> set[UUID]:
    """Those with endpoints, that may not be called: suspended, closed, or their owner is gone."""
    rows = WebhookEndpoint.objects.filter(
        status=WebhookEndpoint.Status.ENABLED, deleted_at=None
    ).order_by()
    return resting_among(rows.values_list("application_id", flat=True).distinct())


def lane_of(delivery: Delivery) -> str:
    """The lane that a delivery with its endpoint's health goes by."""
    health = delivery.endpoint.health
    if health.failures_in_a_row:
        return FAILING
    return TRUSTED if health.is_trusted else TRIAL


def _execute(statement: str, values: Mapping[str, Any]) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [key for (key,) in cursor.fetchall()]
