"""What is said of the backlog; what a courier refuses to take on."""

import asyncio
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.webhooks.models import Delivery, WebhookEndpoint
from apps.webhooks.services import backlog, courier
from apps.webhooks.services.backlog import Backlog, read_backlog
from apps.webhooks.services.courier import POLL_SECONDS, UNWRITTEN_MAX, Courier
from tests.apps.webhooks.engine.test_claiming import claim

HOUR = pytest.approx(3600, abs=60)  # see wait_for


@pytest.mark.django_db
class TestBacklog:
    def test_of_nothing(self):
        assert read_backlog() == Backlog(0, 0.0)

    def test_the_oldest_is_one_that_is_due(self, make, wait_for):
        wait_for(make(), 2)
        wait_for(make(), next_attempt_at=timezone.now() + timedelta(minutes=5))
        assert read_backlog() == Backlog(3, HOUR)

    @pytest.mark.parametrize(
        "change",
        [
            {"status": "disabled", "disabled_at": timezone.now(), "disabled_reason": "owner"},
            {"deleted_at": timezone.now()},
        ],
    )
    def test_what_waits_for_an_endpoint_that_is_off_is_not_late(self, make, wait_for, change):
        endpoint = make()
        wait_for(endpoint)
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**change)
        assert read_backlog() == Backlog(1, 0.0)

    def test_nor_for_one_that_rests(self, make, wait_for, shop):
        wait_for(make(paused_until=timezone.now() + timedelta(minutes=1)))
        assert read_backlog() == Backlog(1, 0.0)
        wait_for(make())
        assert read_backlog(resting=[shop.pk]) == Backlog(2, 0.0)

    def test_is_counted_up_to_a_limit(self, make, wait_for, monkeypatch):
        monkeypatch.setattr(backlog, "WAITING_COUNT_MAX", 2)
        wait_for(make(), 3)
        assert read_backlog().waiting == 2


@pytest.mark.django_db(transaction=True)
class TestRefuses:
    def test_to_claim_while_much_is_unwritten(self, make, wait_for):
        wait_for(make())
        busy = Courier()
        busy._unwritten = UNWRITTEN_MAX

        assert asyncio.run(busy._claim()) == POLL_SECONDS

        assert not Delivery.objects.exclude(lease_token=None).exists()

    def test_to_send_what_it_has_held_for_longer_than_its_lease(
        self, make, wait_for, monkeypatch, log_lines
    ):
        async def attempt(*_, **__):
            raise AssertionError("Somebody else may be at it.")

        monkeypatch.setattr(courier, "attempt", attempt)
        wait_for(make())
        (row,) = claim()

        asyncio.run(Courier()._deliver(row, "trial", time.monotonic()))

        assert [line["message"] for line in log_lines()] == [
            f"Delivery {row.pk} came after the end of its lease."
        ]
