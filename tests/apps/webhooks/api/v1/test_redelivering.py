from datetime import timedelta

import pytest
from django.utils import timezone

from apps.webhooks.models import Delivery
from apps.webhooks.services import redelivering
from core.ids import uuid7
from core.models import AuditEntry
from tests.factories.developers import login_of, make_application
from tests.factories.parallel import in_parallel
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
        disable_by_staff(endpoint, bob)

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
