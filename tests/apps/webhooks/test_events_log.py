"""From the outbox into the log: once, in order, and only what somebody may hear of."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.developers.events import KEY_ROTATED
from apps.ml_models.events import ALIAS_MOVED, BATCH_QUEUED, BATCH_SUCCEEDED, VERSION_REJECTED
from apps.webhooks.models import Delivery, EventRecord
from apps.webhooks.services.purging import purge_events
from apps.webhooks.services.receiving import receive_events
from apps.webhooks.tasks import purge_events as purge_task
from core.ids import uuid7
from core.models import OutboxEvent
from core.observability.request_id import RequestContext, bind
from core.outbox import Envelope
from core.outbox.relay import Relay
from tests.factories.developers import make_application
from tests.factories.events import NoBroker, announce, hand_on, make_record
from tests.factories.webhooks import make_endpoint

pytestmark = pytest.mark.django_db

ALICE, SHOP = uuid7(), uuid7()


def log():
    return list(EventRecord.objects.order_by("position"))


def envelopes():
    rows = OutboxEvent.objects.filter(kind="event").order_by("position")
    return [Envelope.of(row) for row in rows]


class TestReceiving:
    def test_stores_an_event_as_it_was_announced(self):
        with bind(RequestContext("req_1")):
            announce(KEY_ROTATED, 7, account_id=ALICE, application_id=SHOP, actor_id=uuid7())

        assert hand_on() == 1

        [row], published = log(), OutboxEvent.objects.get()
        assert (row.id, row.type) == (published.id, "api_key.rotated")
        assert (row.object_type, row.object_id, row.sequence) == ("api_key", "7", 1)
        assert (row.schema_version, row.data) == (1, published.payload)
        assert row.data["expires_at"] == "2026-03-01T13:00:00Z"
        assert (row.account_id, row.application_id) == (ALICE, SHOP)
        assert (row.request_id, row.occurred_at) == ("req_1", published.created_at)
        assert row.recorded_at >= row.occurred_at

    def test_leaves_what_is_nobodys_inside(self):
        announce(VERSION_REJECTED, 1)
        announce(ALIAS_MOVED, 2)

        assert hand_on() == 2

        assert [row.type for row in log()] == ["model.alias_moved"]

    def test_that_comes_again_keeps_its_place_and_reaches_nobody_twice(self, alice):
        shop = make_application(alice)
        make_endpoint(shop)
        hand_on()
        EventRecord.objects.all().delete()
        Delivery.objects.all().delete()
        for number in range(3):
            announce(BATCH_QUEUED, number, account_id=alice.pk, application_id=shop.pk)
        hand_on()
        before = [(row.position, row.id, row.recorded_at) for row in log()]

        receive_events(envelopes()[-2:])

        assert [(row.position, row.id, row.recorded_at) for row in log()] == before
        assert Delivery.objects.count() == 3

    def test_is_in_the_order_in_which_it_was_handed_on(self):
        for number in range(30):
            announce(BATCH_QUEUED, number % 4, account_id=ALICE)

        assert hand_on() == 30

        rows = log()
        assert [row.id for row in rows] == [each.id for each in envelopes()]
        for key in "0123":
            mine = [row.sequence for row in rows if row.object_id == key]
            assert mine == list(range(1, len(mine) + 1))

    def test_of_many_costs_as_many_statements_as_of_one(self, django_assert_num_queries, alice):
        shop = make_application(alice)
        make_endpoint(shop)
        for number in range(20):
            announce(BATCH_QUEUED, number, account_id=alice.pk, application_id=shop.pk)
        many = envelopes()[-20:]

        with django_assert_num_queries(4):  # the log, its positions, who listens, their deliveries
            receive_events(many)


@pytest.mark.django_db(transaction=True)
class TestAFailure:
    def test_leaves_neither_an_event_nor_a_delivery_nor_a_mark(self, alice):
        """What one subscriber wrote goes when another one fails, and comes again once."""
        shop = make_application(alice)
        make_endpoint(shop)
        hand_on()
        EventRecord.objects.all().delete()
        Delivery.objects.all().delete()
        announce(BATCH_SUCCEEDED, 1, account_id=alice.pk, application_id=shop.pk)
        broken = [True]

        def fail(_envelopes) -> None:
            if broken[0]:
                raise ValueError("no")

        relay = Relay(broker=NoBroker(), subscribers=[receive_events, fail])
        assert relay._publish_events() == 0
        assert (log(), Delivery.objects.count()) == ([], 0)

        broken[0] = False
        OutboxEvent.objects.update(next_attempt_at=timezone.now())
        assert relay._publish_events() == 1
        assert [row.type for row in log()] == ["batch_prediction.succeeded"]
        assert Delivery.objects.count() == 1
        connection.close()


class TestPurge:
    def test_forgets_what_is_older_than_thirty_days_and_nothing_else(self):
        now = timezone.now()
        days = (40, 31, 29, 0)
        for age in days:
            make_record(recorded_at=now - timedelta(days=age))
        kept = [row.position for row in log()][2:]

        assert purge_events(now=now, batch=1) == 2

        assert [row.position for row in log()] == kept

    def test_is_a_task(self):
        make_record(recorded_at=timezone.now() - timedelta(days=31))

        purge_task()

        assert log() == []
