"""The few that have not arrived are found by an index, however many have."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.utils import timezone

from apps.webhooks.models import Delivery
from apps.webhooks.selectors.deliveries import Stretch, deliveries_in
from tests.apps.webhooks.engine.test_claiming import nodes_of, reads_deliveries

pytestmark = pytest.mark.django_db

ARRIVED = """
    INSERT INTO webhooks_delivery (id, endpoint_id, event_id, event_position, event_type,
        object_key, body, request_id, is_test, is_ordered, state, attempts,
        next_attempt_at, finished_at, last_error, row_version)
    SELECT gen_random_uuid(), %s, gen_random_uuid(), number, 'thing.done',
        'thing:' || number, '{}', '', false, true, 'succeeded', 1, now(), now(), '', 1
    FROM generate_series(1, 20000) AS number
"""


@pytest.fixture
def endpoint(make, wait_for):
    row = make()
    wait_for(row, 3, state="failed", finished_at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(ARRIVED, [row.pk])
        cursor.execute("ANALYZE webhooks_delivery")
    return row


def rows_read(rows):
    """How many deliveries a query looks at, kept or not."""
    statement, values = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
        plan = cursor.fetchone()[0][0]["Plan"]
    nodes = [node for node in nodes_of(plan) if reads_deliveries(node)]
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in nodes
    )


def test_when_they_are_listed(endpoint):
    failed = Delivery.objects.filter(endpoint=endpoint, state="failed").order_by("-id")[:20]
    assert rows_read(failed) < 100


def test_when_they_are_to_be_sent_again(endpoint):
    stretch = Stretch(from_at=datetime(2020, 1, 1, tzinfo=UTC), to_at=timezone.now())
    assert rows_read(deliveries_in(endpoint.pk, stretch)[:500]) < 100
