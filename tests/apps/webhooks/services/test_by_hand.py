"""What somebody asks for by hand: it goes out now, and once, whatever else is under way."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from apps.webhooks.models import Delivery, EndpointHealth
from apps.webhooks.selectors.deliveries import Stretch
from apps.webhooks.services import claiming
from apps.webhooks.services.redelivering import (
    redeliver,
    redeliver_for_staff,
    redeliver_range,
    redeliver_range_for_staff,
)
from apps.webhooks.services.testing import send_test
from tests.factories.developers import login_of, make_application
from tests.factories.parallel import in_parallel
from tests.factories.webhooks import make_delivery, make_endpoint

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def endpoint(alice):
    return make_endpoint(make_application(alice)).row


def rest(endpoint):
    """It has asked for an hour's pause."""
    EndpointHealth.objects.filter(endpoint=endpoint).update(
        failing_since=timezone.now(),
        failures_in_a_row=3,
        paused_until=timezone.now() + timedelta(hours=1),
    )


def claimed():
    free = dict.fromkeys(claiming.LANES, 64)
    return [row.pk for row in claiming.claim_deliveries(free=free).deliveries]


def stretch():
    return Stretch(from_at=LONG_AGO, to_at=timezone.now())


@pytest.mark.django_db
class TestARestingEndpoint:
    @pytest.fixture(autouse=True)
    def _resting(self, endpoint):
        rest(endpoint)

    @pytest.fixture
    def failed(self, endpoint):
        return make_delivery(endpoint, state="failed")

    # The database's clock stands still in a test: what is asked for now is due a little later.
    @pytest.fixture
    def before(self):
        return timezone.now() - timedelta(minutes=1)

    def test_gets_a_test_event_at_once(self, endpoint, alice, before):
        sent = send_test(endpoint_id=endpoint.pk, actor=login_of(alice), now=before)
        assert claimed() == [sent.pk]

    def test_gets_what_is_sent_again(self, endpoint, failed, alice, before):
        sent = redeliver(
            endpoint_id=endpoint.pk, delivery_id=failed.pk, actor=login_of(alice), now=before
        )
        assert claimed() == [sent.pk]

    def test_gets_what_staff_send_again(self, failed, alice, before):
        sent = redeliver_for_staff(delivery_id=failed.pk, actor=None, reason="asked", now=before)
        assert claimed() == [sent.pk]

    def test_gets_a_stretch_that_is_sent_again(self, endpoint, failed, before):
        Delivery.objects.filter(pk=failed.pk).update(created_at=before - timedelta(minutes=1))
        count = redeliver_range_for_staff(
            endpoint_id=endpoint.pk, stretch=stretch(), actor=None, reason="asked", now=before
        )
        assert (count, len(claimed())) == (1, 1)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_a_stretch_asked_for_eight_times_is_sent_once(self, endpoint, alice):
        for number in range(20):
            make_delivery(endpoint, state="failed", event_position=number)
        actor = login_of(alice)

        counts = in_parallel(
            lambda _: redeliver_range(
                endpoint_id=endpoint.pk, stretch=stretch(), actor=actor, now=timezone.now()
            ),
            count=8,
        )

        assert sorted(counts) == [0] * 7 + [20]
        assert Delivery.objects.exclude(redelivers=None).count() == 20

    def test_one_of_them_asked_for_beside_it_is_not_doubled(self, endpoint, alice):
        failed = [make_delivery(endpoint, state="failed", event_position=n) for n in range(20)]
        actor = login_of(alice)

        def ask(number):
            if number % 2:
                return redeliver_range(
                    endpoint_id=endpoint.pk, stretch=stretch(), actor=actor, now=timezone.now()
                )
            return redeliver(
                endpoint_id=endpoint.pk,
                delivery_id=failed[-1].pk,
                actor=actor,
                now=timezone.now(),
            )

        answers = in_parallel(ask, count=8)

        assert not [each for each in answers if isinstance(each, Exception)]
        assert Delivery.objects.filter(redelivers=failed[-1]).count() == 1
