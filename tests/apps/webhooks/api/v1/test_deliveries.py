from datetime import timedelta

import pytest
from django.utils import timezone

from apps.webhooks.models import Delivery
from tests.factories.developers import make_application
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
