from datetime import timedelta

import pytest
from django.utils import timezone

from apps.webhooks import tasks
from apps.webhooks.models import Delivery
from apps.webhooks.services import redelivering
from core.models import AuditEntry
from tests.factories.developers import make_application
from tests.factories.webhooks import disable_by_staff, make_delivery, make_endpoint
from tests.factories.webhooks import endpoints_url as url

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(alice):
    return make_application(alice)


@pytest.fixture
def client(alice, client_of):
    return client_of(alice)


@pytest.fixture
def endpoint(shop):
    return make_endpoint(shop).row


class TestRedeliverRange:
    def ask(self, client, endpoint, **body):
        body = {"from_at": "2020-01-01T00:00:00Z", **body}
        return client.post(url(endpoint, "/redeliver"), body, format="json")

    def originals(self):
        rows = Delivery.objects.exclude(redelivers=None).order_by("redelivers_id")
        return list(rows.values_list("redelivers_id", flat=True))

    def test_sends_again_what_failed_or_was_cancelled(self, endpoint, client, alice):
        failed = make_delivery(endpoint, state="failed")
        cancelled = make_delivery(endpoint, state="cancelled")
        make_delivery(endpoint, state="succeeded")
        make_delivery(endpoint)
        make_delivery(endpoint, state="failed", is_test=True, is_ordered=False)

        answer = self.ask(client, endpoint)

        assert (answer.status_code, answer.json()) == (202, {"count": 2})
        assert self.originals() == sorted([failed.pk, cancelled.pk])
        entry = AuditEntry.objects.get(action="webhooks.webhook_endpoint.redelivered")
        assert (entry.actor_id, entry.after["count"]) == (alice.pk, 2)

    def test_sends_all_that_has_ended_if_asked(self, endpoint, client):
        rows = [make_delivery(endpoint, state=state) for state in ("failed", "succeeded")]
        make_delivery(endpoint)

        assert self.ask(client, endpoint, only_failed=False).json() == {"count": 2}
        assert self.originals() == [row.pk for row in rows]

    def test_leaves_out_what_has_arrived_by_now_or_waits_to_be_sent_again(
        self, shop, endpoint, client
    ):
        for state in ("succeeded", "pending"):
            failed = make_delivery(endpoint, state="failed")
            make_delivery(
                endpoint, state=state, redelivers=failed, event_id=failed.event_id, is_ordered=False
            )
        make_delivery(make_endpoint(shop).row, state="failed")

        assert self.ask(client, endpoint).json() == {"count": 0}

    def test_keeps_to_the_time_and_the_types(self, endpoint, client):
        now = timezone.now()
        old = make_delivery(endpoint, state="failed", created_at=now - timedelta(days=3))
        asked = make_delivery(endpoint, state="failed", created_at=now - timedelta(days=2))
        edge = make_delivery(endpoint, state="failed", created_at=now - timedelta(days=1))
        other = make_delivery(
            endpoint, state="failed", created_at=now - timedelta(days=2), event_type="a.b"
        )

        answer = self.ask(
            client,
            endpoint,
            from_at=(asked.created_at).isoformat(),
            to_at=(edge.created_at).isoformat(),
            event_types=["batch_prediction.succeeded"],
        )

        assert answer.json() == {"count": 1}
        assert self.originals() == [asked.pk]
        assert old.pk != other.pk

    @pytest.mark.parametrize(
        ("event_types", "count"),
        [
            (["batch_prediction.*"], 2),
            (["batch_prediction.succeeded", "api_key.*"], 2),
            (["model.*"], 0),
            (["*", "model.*"], 3),
            ([], 3),
        ],
    )
    def test_keeps_to_families_as_endpoints_do(self, endpoint, client, event_types, count):
        for name in ("batch_prediction.succeeded", "batch_prediction.failed", "api_key.created"):
            make_delivery(endpoint, state="failed", event_type=name)

        answer = self.ask(client, endpoint, event_types=event_types)

        assert answer.json() == {"count": count}

    @pytest.mark.parametrize("only_failed", [True, False])
    def test_of_many_goes_on_in_the_background_and_sends_each_once(
        self, endpoint, client, sent_tasks, monkeypatch, only_failed
    ):
        monkeypatch.setattr(redelivering, "BATCH", 3)
        rows = [make_delivery(endpoint, state="failed").pk for _ in range(8)]

        answer = self.ask(client, endpoint, only_failed=only_failed)

        assert answer.json() == {"count": 8}
        assert len(self.originals()) == 3
        # What was sent again arrives at once: it must not be found a second time.
        for number in range(4):
            waiting = Delivery.objects.filter(state="pending")
            waiting.update(state="succeeded", finished_at=timezone.now())
            if number < len(sent_tasks):
                name, arguments = sent_tasks[number]
                assert name == "webhooks.redeliver_range"
                tasks.redeliver_range(**arguments, newer="argument")
        assert self.originals() == rows
        assert len(sent_tasks) == 2

    def test_of_a_message_that_comes_twice_sends_each_once(
        self, endpoint, client, sent_tasks, monkeypatch
    ):
        monkeypatch.setattr(redelivering, "BATCH", 3)
        rows = [make_delivery(endpoint, state="failed").pk for _ in range(5)]
        self.ask(client, endpoint, only_failed=False)

        for _ in range(3):
            tasks.redeliver_range(**sent_tasks[0][1])

        assert self.originals() == rows

    def test_refuses_more_than_there_may_be(self, endpoint, client, monkeypatch, assert_problem):
        monkeypatch.setattr(redelivering, "RANGE_MAX", 2)
        for _ in range(3):
            make_delivery(endpoint, state="failed")

        problem = assert_problem(self.ask(client, endpoint), 409, "too_many_deliveries")

        assert problem["most"] == 2
        assert self.originals() == []

    def test_stops_when_the_endpoint_is_deleted_meanwhile(
        self, endpoint, client, sent_tasks, monkeypatch
    ):
        monkeypatch.setattr(redelivering, "BATCH", 1)
        for _ in range(2):
            make_delivery(endpoint, state="failed")
        self.ask(client, endpoint)
        client.delete(url(endpoint), headers={"If-Match": "*"})

        tasks.redeliver_range(**sent_tasks[0][1])

        assert len(self.originals()) == 1

    @pytest.mark.parametrize(
        ("body", "at"),
        [
            ({"from_at": None}, ("#/from_at", "null")),
            ({"from_at": "2030-01-01"}, ("#/from_at", "invalid")),
            ({"to_at": "2019-01-01T00:00:00Z"}, ("#/to_at", "out_of_range")),
            ({"to_at": "2020-01-01T00:00:00Z"}, ("#/to_at", "out_of_range")),
            ({"only_failed": "yes"}, ("#/only_failed", "invalid_type")),
            ({"event_types": "a.b"}, ("#/event_types", "invalid_type")),
            ({"event_types": ["*", "nope"]}, ("#/event_types/1", "unknown_event_type")),
            ({"event_types": ["nope.*"]}, ("#/event_types/0", "unknown_event_type")),
            ({"event_types": ["x"] * 51}, ("#/event_types", "max_length")),
            ({"until": "2030-01-01T00:00:00Z"}, ("#/until", "unknown_field")),
        ],
    )
    def test_says_what_is_wrong(self, endpoint, client, assert_problem, body, at):
        assert_problem(self.ask(client, endpoint, **body), 400, "validation_failed", at=at)

    def test_names_an_event_type_that_there_is_not(self, endpoint, client, assert_problem):
        make_delivery(endpoint, state="failed")

        answer = self.ask(client, endpoint, event_types=["nope"])

        problem = assert_problem(answer, 400, "validation_failed")
        assert problem["detail"] == "There is no event type 'nope'."
        assert self.originals() == []

    def test_needs_an_end_to_begin_at(self, endpoint, client, assert_problem):
        answer = client.post(url(endpoint, "/redeliver"), {}, format="json")

        assert_problem(answer, 400, "validation_failed", at=("#/from_at", "required"))

    def test_is_refused_where_nothing_is_sent(self, endpoint, bob, client, assert_problem):
        disable_by_staff(endpoint, bob)

        assert_problem(self.ask(client, endpoint), 409, "webhook_endpoint_disabled")
