import json
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.developers.services import applications
from apps.webhooks import tasks
from apps.webhooks.models import Delivery
from apps.webhooks.services import redelivering, switching
from apps.webhooks.services.testing import TESTS_WAITING_MAX
from core.ids import uuid7
from core.models import AuditEntry, IdempotencyKey
from tests.factories.developers import client_with, login_of, make_application, make_key
from tests.factories.parallel import in_parallel
from tests.factories.webhooks import endpoints_url as url
from tests.factories.webhooks import make_attempt, make_delivery, make_endpoint

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


def ids(answer):
    return [row["id"] for row in answer.json()["results"]]


def off(endpoint, bob):
    switching.disable_endpoint(
        endpoint_id=endpoint.pk, actor=login_of(bob), reason="x", now=timezone.now()
    )


class TestList:
    def test_shows_what_became_of_each_newest_first(self, endpoint, client):
        first = make_delivery(
            endpoint, state="failed", attempts=10, last_status=503, last_error="status"
        )
        second = make_delivery(endpoint)

        answer = client.get(url(endpoint, "/deliveries"))

        assert ids(answer) == [str(second.pk), str(first.pk)]
        document = answer.json()["results"][1]
        assert document.pop("created_at").endswith("Z")
        assert document.pop("finished_at").endswith("Z")
        assert document == {
            "id": str(first.pk),
            "endpoint_id": str(endpoint.pk),
            "event_id": str(first.event_id),
            "event_type": "batch_prediction.succeeded",
            "state": "failed",
            "is_test": False,
            "redelivers_id": None,
            "tries": 10,
            "next_attempt_at": None,
            "last_status": 503,
            "last_error": "status",
            "request_id": "",
        }

    def test_shows_what_is_asked_for(self, endpoint, client):
        now = timezone.now()
        old = make_delivery(endpoint, created_at=now - timedelta(days=2), event_type="a.b")
        failed = make_delivery(endpoint, state="failed", last_error="timed_out")
        test = make_delivery(endpoint, is_test=True, is_ordered=False)

        def asked(query):
            return set(ids(client.get(url(endpoint, f"/deliveries?{query}"))))

        assert asked("state=failed") == {str(failed.pk)}
        assert asked("state__in=failed,succeeded") == {str(failed.pk)}
        assert asked("event_type=a.b") == {str(old.pk)}
        assert asked(f"event_id={test.event_id}") == {str(test.pk)}
        assert asked("is_test=true") == {str(test.pk)}
        assert asked("last_error=timed_out") == {str(failed.pk)}
        day_ago = (now - timedelta(days=1)).isoformat().replace("+00:00", "Z")
        assert asked(f"created_at__lt={day_ago}") == {str(old.pk)}
        assert asked(f"created_at__gte={day_ago}") == {str(failed.pk), str(test.pk)}

    @pytest.mark.parametrize("query", ["state=lost", "created_at__gte=monday", "status=failed"])
    def test_refuses_what_cannot_be_asked(self, endpoint, client, query):
        assert client.get(url(endpoint, f"/deliveries?{query}")).status_code == 400

    def test_walks_page_by_page(self, endpoint, client):
        made = [str(make_delivery(endpoint).pk) for _ in range(5)]

        seen, page = [], client.get(url(endpoint, "/deliveries?limit=2"))
        while True:
            seen += ids(page)
            following = page.json()["next"]
            if following is None:
                break
            page = client.get(following)

        assert seen == made[::-1]

    def test_of_somebody_elses_endpoint_is_not_found(
        self, endpoint, client_of, mallory, assert_problem
    ):
        make_delivery(endpoint)

        answer = client_of(mallory).get(url(endpoint, "/deliveries"))

        assert_problem(answer, 404, "webhook_endpoint_not_found")


class TestRead:
    def test_shows_body_and_tries(self, endpoint, client):
        delivery = make_delivery(endpoint, attempts=2)
        make_attempt(delivery, number=2, response_status=None, error="timed_out", address="")
        make_attempt(delivery, number=1)
        make_attempt(make_delivery(endpoint), number=1)

        document = client.get(url(endpoint, f"/deliveries/{delivery.pk}")).json()

        assert document["body"] == {"type": "batch_prediction.succeeded", "data": {}}
        first, second = document["attempts"]
        assert first.pop("at").endswith("Z")
        assert first == {
            "number": 1,
            "duration_ms": 12,
            "address": "93.184.216.34",
            "error": "status",
            "request_headers": {"webhook-id": str(delivery.event_id)},
            "response_status": 500,
            "response_headers": {"content-type": "text/html"},
            "response_body": "<h1>no</h1>",
        }
        assert (second["number"], second["error"], second["response_status"]) == (
            2,
            "timed_out",
            None,
        )

    def test_is_not_sent_twice_to_who_has_it(self, endpoint, client):
        path = url(endpoint, f"/deliveries/{make_delivery(endpoint).pk}")
        tag = client.get(path)["ETag"]

        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304

    def test_has_another_tag_after_a_try_that_moved_no_version(self, endpoint, client):
        delivery = make_delivery(endpoint)
        path = url(endpoint, f"/deliveries/{delivery.pk}")
        tag = client.get(path)["ETag"]
        Delivery.objects.filter(pk=delivery.pk).update(attempts=1, row_version=1)

        answer = client.get(path, headers={"If-None-Match": tag})

        assert (answer.status_code, answer.json()["tries"]) == (200, 1)

    def test_shows_the_members_that_are_asked_for(self, endpoint, client):
        path = url(endpoint, f"/deliveries/{make_delivery(endpoint).pk}?fields=state,tries")

        assert client.get(path).json() == {"state": "pending", "tries": 0}

    def test_of_another_endpoint_is_not_found(self, shop, endpoint, client, assert_problem):
        delivery = make_delivery(make_endpoint(shop).row)

        answer = client.get(url(endpoint, f"/deliveries/{delivery.pk}"))

        assert_problem(answer, 404, "webhook_delivery_not_found")


class TestSendTest:
    def test_makes_a_delivery_whatever_the_event_types(self, shop, client):
        endpoint = make_endpoint(shop, event_types=["api_key.created"]).row

        answer = client.post(url(endpoint, "/test"))

        assert answer.status_code == 202
        delivery = Delivery.objects.get()
        assert answer.json()["id"] == str(delivery.pk)
        assert (delivery.is_test, delivery.is_ordered) == (True, False)
        assert (delivery.state, delivery.event_position) == ("pending", 0)
        body = json.loads(delivery.body)
        assert body.pop("timestamp").endswith("Z")
        assert body == {
            "type": "webhook_endpoint.test",
            "data": {
                "application_id": str(shop.pk),
                "message": "This is a test event of Agora.",
            },
            "object": {
                "type": "webhook_endpoint",
                "id": str(endpoint.pk),
                "url": f"http://127.0.0.1:8000{url(endpoint)}",
                "sequence": 0,
            },
            "schema_version": 1,
            "request_id": answer["X-Request-Id"],
        }
        assert AuditEntry.objects.get(action="webhooks.webhook_endpoint.tested").object_id == str(
            endpoint.pk
        )

    def test_twice_by_one_key_is_one(self, endpoint, client):
        first, second = (
            client.post(url(endpoint, "/test"), headers={"Idempotency-Key": "k"}) for _ in "ab"
        )

        assert first.json() == second.json()
        assert second["Idempotency-Replayed"] == "true"
        assert Delivery.objects.count() == IdempotencyKey.objects.count() == 1

    def test_is_refused_while_ten_wait(self, endpoint, client, assert_problem):
        for _ in range(TESTS_WAITING_MAX):
            assert client.post(url(endpoint, "/test")).status_code == 202

        assert_problem(client.post(url(endpoint, "/test")), 409, "too_many_test_events")
        assert Delivery.objects.count() == TESTS_WAITING_MAX

    def test_is_refused_where_nothing_is_sent(self, endpoint, bob, client, assert_problem):
        off(endpoint, bob)

        assert_problem(client.post(url(endpoint, "/test")), 409, "webhook_endpoint_disabled")
        assert not Delivery.objects.exists()

    def test_is_refused_for_a_suspended_application(
        self, shop, endpoint, bob, client, assert_problem
    ):
        applications.suspend_application(
            application_id=shop.pk, actor=login_of(bob), reason="x", now=timezone.now()
        )

        assert_problem(client.post(url(endpoint, "/test")), 403, "application_suspended")

    def test_takes_no_members(self, endpoint, client, assert_problem):
        answer = client.post(url(endpoint, "/test"), {"type": "x.y"}, format="json")

        assert_problem(answer, 400, "validation_failed", at=("#/type", "unknown_field"))

    def test_needs_the_scope_to_write(self, shop, endpoint, assert_problem):
        client = client_with(make_key(shop, scopes=["webhooks:read"]).key)

        assert_problem(client.post(url(endpoint, "/test")), 403, "insufficient_scope")


class TestRedeliver:
    def again(self, client, delivery):
        return client.post(url(delivery.endpoint_id, f"/deliveries/{delivery.pk}/redeliver"))

    def test_makes_a_new_delivery_under_the_same_webhook_id(self, endpoint, client, alice):
        delivery = make_delivery(endpoint, state="failed", request_id="req_1")

        answer = self.again(client, delivery)

        assert answer.status_code == 202
        copy = Delivery.objects.get(redelivers=delivery)
        assert answer.json()["id"] == str(copy.pk)
        assert answer.json()["redelivers_id"] == str(delivery.pk)
        assert (copy.event_id, copy.body) == (delivery.event_id, delivery.body)
        assert (copy.object_key, copy.event_type) == (delivery.object_key, delivery.event_type)
        assert (copy.state, copy.attempts, copy.is_ordered) == ("pending", 0, False)
        assert copy.request_id == "req_1"
        entry = AuditEntry.objects.get(action="webhooks.delivery.redelivered")
        assert (entry.actor_id, entry.object_id) == (alice.pk, str(delivery.pk))

    def test_of_what_was_sent_again_names_the_first(self, endpoint, client):
        first = make_delivery(endpoint, state="failed")
        second = make_delivery(
            endpoint, state="failed", redelivers=first, event_id=first.event_id, is_ordered=False
        )

        assert self.again(client, second).json()["redelivers_id"] == str(first.pk)

    def test_asked_for_twice_is_one_that_is_hurried(self, endpoint, client):
        delivery = make_delivery(endpoint, state="failed")
        first = self.again(client, delivery).json()
        later = timezone.now() + timedelta(hours=5)
        Delivery.objects.filter(pk=first["id"]).update(next_attempt_at=later, attempts=3)

        second = self.again(client, delivery).json()

        assert second["id"] == first["id"]
        assert Delivery.objects.get(pk=first["id"]).next_attempt_at < later - timedelta(hours=4)
        assert Delivery.objects.count() == 2

    def test_of_what_waits_is_to_try_it_at_once(self, endpoint, client):
        later = timezone.now() + timedelta(hours=5)
        delivery = make_delivery(endpoint, next_attempt_at=later, attempts=2)

        answer = self.again(client, delivery)

        assert answer.json()["id"] == str(delivery.pk)
        delivery.refresh_from_db()
        assert delivery.next_attempt_at < later - timedelta(hours=4)
        assert Delivery.objects.count() == 1

    def test_of_what_is_under_way_leaves_it_alone(self, endpoint, client):
        now = timezone.now()
        later = now + timedelta(hours=5)
        delivery = make_delivery(
            endpoint, next_attempt_at=later, lease_token=uuid7(), lease_until=now
        )

        self.again(client, delivery)

        delivery.refresh_from_db()
        assert delivery.next_attempt_at == later

    def test_is_refused_where_nothing_is_sent(self, endpoint, bob, client, assert_problem):
        delivery = make_delivery(endpoint, state="failed")
        off(endpoint, bob)

        assert_problem(self.again(client, delivery), 409, "webhook_endpoint_disabled")

    def test_of_somebody_elses_is_not_found(self, endpoint, client_of, mallory, assert_problem):
        delivery = make_delivery(endpoint, state="failed")

        answer = self.again(client_of(mallory), delivery)

        assert_problem(answer, 404, "webhook_endpoint_not_found")
        assert Delivery.objects.count() == 1

    def test_of_another_endpoint_is_not_found(self, shop, endpoint, client, assert_problem):
        delivery = make_delivery(make_endpoint(shop).row, state="failed")

        answer = client.post(url(endpoint, f"/deliveries/{delivery.pk}/redeliver"))

        assert_problem(answer, 404, "webhook_delivery_not_found")


@pytest.mark.django_db(transaction=True)
class TestRedeliverAtOnce:
    def test_eight_times_sends_it_once(self, alice, endpoint):
        delivery = make_delivery(endpoint, state="failed")
        actor = login_of(alice)

        answers = in_parallel(
            lambda _: (
                redelivering.redeliver(
                    endpoint_id=endpoint.pk,
                    delivery_id=delivery.pk,
                    actor=actor,
                    now=timezone.now(),
                ).pk
            ),
            count=8,
        )

        assert len(set(answers)) == 1
        assert Delivery.objects.count() == 2


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
            ({"event_types": ["x"] * 51}, ("#/event_types", "max_length")),
            ({"until": "2030-01-01T00:00:00Z"}, ("#/until", "unknown_field")),
        ],
    )
    def test_says_what_is_wrong(self, endpoint, client, assert_problem, body, at):
        assert_problem(self.ask(client, endpoint, **body), 400, "validation_failed", at=at)

    def test_needs_an_end_to_begin_at(self, endpoint, client, assert_problem):
        answer = client.post(url(endpoint, "/redeliver"), {}, format="json")

        assert_problem(answer, 400, "validation_failed", at=("#/from_at", "required"))

    def test_is_refused_where_nothing_is_sent(self, endpoint, bob, client, assert_problem):
        off(endpoint, bob)

        assert_problem(self.ask(client, endpoint), 409, "webhook_endpoint_disabled")
