import json

import pytest
from django.utils import timezone

from apps.developers.services import applications
from apps.webhooks.models import Delivery
from apps.webhooks.services.testing import TESTS_WAITING_MAX
from core.models import AuditEntry, IdempotencyKey
from tests.factories.developers import client_with, login_of, make_application, make_key
from tests.factories.webhooks import disable_by_staff, make_endpoint
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
        disable_by_staff(endpoint, bob)

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
