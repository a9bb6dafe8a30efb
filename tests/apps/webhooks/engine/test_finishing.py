"""What is written of tries: the log, the delivery by its lease, its endpoint's health."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.webhooks.models import Delivery, DeliveryAttempt, EndpointHealth, WebhookEndpoint
from apps.webhooks.services import keeping
from apps.webhooks.services.finishing import LOST, finish
from tests.apps.webhooks.engine.conftest import fresh, tried
from tests.apps.webhooks.engine.test_claiming import claim, later

pytestmark = pytest.mark.django_db


def seconds_until(moment):
    """By the database's clock, which stands still in a test."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        return (moment - cursor.fetchone()[0]).total_seconds()


class TestASuccess:
    def test_ends_the_delivery(self, make, wait_for):
        wait_for(make())
        (row,) = claim()
        assert finish([tried(row)]) == {row.pk: "succeeded"}
        ended = fresh(row)
        assert (ended.state, ended.attempts, ended.last_status, ended.last_error) == (
            "succeeded",
            1,
            200,
            "",
        )
        assert (ended.lease_token, ended.lease_until) == (None, None)
        assert ended.finished_at is not None
        assert ended.endpoint.health.is_trusted

    def test_is_in_the_log_with_what_was_sent_and_answered(self, make, wait_for):
        endpoint = make()
        wait_for(endpoint)
        (row,) = claim()
        answer = {
            "headers": {"x": "1"},
            "body": bytearray(b"th\x00nks \xff"),
            "address": "127.0.0.1",
        }
        finish([tried(row, seconds=0.0126, **answer)])
        line = DeliveryAttempt.objects.get(delivery_id=row.pk)
        assert (line.number, line.endpoint_id, line.duration_ms) == (1, endpoint.pk, 13)
        assert line.request_headers == {"webhook-id": str(row.event_id)}
        assert (line.response_status, line.response_headers) == (200, {"x": "1"})
        assert (line.response_body, line.address, line.error) == (
            "th\ufffdnks \ufffd",
            "127.0.0.1",
            "",
        )

    def test_keeps_the_start_of_a_long_answer(self, make, wait_for, settings):
        wait_for(make())
        (row,) = claim()
        finish([tried(row, body=bytearray(b"x" * 60_000))])
        line = DeliveryAttempt.objects.get()
        assert len(line.response_body) == settings.WEBHOOK_RESPONSE_KEPT


class TestAFailure:
    def test_is_tried_again_by_the_schedule(self, make, wait_for):
        wait_for(make())
        (row,) = claim()
        assert finish([tried(row, status=500)]) == {row.pk: "pending"}
        again = fresh(row)
        assert (again.attempts, again.last_status, again.last_error) == (1, 500, "status")
        assert (again.lease_token, again.finished_at) == (None, None)
        assert 4 <= seconds_until(again.next_attempt_at) <= 6

    def test_without_an_answer_says_why(self, make, wait_for):
        wait_for(make())
        (row,) = claim()
        finish([tried(row, status=None, error="timed_out", seconds=10)])
        again = fresh(row)
        assert (again.last_status, again.last_error) == (None, "timed_out")
        assert again.endpoint.health.paused_until is not None

    def test_waits_as_long_as_the_receiver_asks(self, make, wait_for):
        wait_for(make())
        (row,) = claim()
        finish([tried(row, status=503, headers={"retry-after": "900"})])
        again = fresh(row)
        assert seconds_until(again.next_attempt_at) == pytest.approx(900)
        assert seconds_until(again.endpoint.health.paused_until) == pytest.approx(900, abs=60)

    def test_of_the_last_try_is_for_good(self, make, wait_for, settings):
        wait_for(make(), attempts=len(settings.WEBHOOK_RETRY_SECONDS))
        (row,) = claim()
        assert finish([tried(row, status=500)]) == {row.pk: "failed"}
        assert fresh(row).finished_at is not None

    def test_of_a_test_event_is_for_good(self, make, wait_for):
        wait_for(make(), is_test=True, is_ordered=False)
        (row,) = claim()
        assert finish([tried(row, status=500)]) == {row.pk: "failed"}


class TestALostLease:
    def test_writes_its_line_and_nothing_else(self, make, wait_for):
        wait_for(make())
        (slow,) = claim()
        later(slow, seconds=1)
        (quick,) = claim()

        assert finish([tried(slow, status=500)]) == {slow.pk: LOST}

        held = fresh(quick)
        assert (held.state, held.attempts, held.lease_token) == ("pending", 0, quick.lease_token)
        assert held.endpoint.health.failures_in_a_row == 0
        assert finish([tried(quick)]) == {quick.pk: "succeeded"}
        assert DeliveryAttempt.objects.count() == 2

    def test_of_one_that_was_cancelled_leaves_it_cancelled(self, make, wait_for):
        wait_for(make())
        (row,) = claim()
        now = timezone.now()
        Delivery.objects.filter(pk=row.pk).update(
            state="cancelled", finished_at=now, lease_token=None, lease_until=None
        )
        assert finish([tried(row)]) == {row.pk: LOST}
        assert fresh(row).state == "cancelled"

    def test_the_same_try_written_twice_is_one_line(self, make, wait_for):
        wait_for(make())
        (row,) = claim()
        once = tried(row)
        assert finish([once]) == {row.pk: "succeeded"}
        assert finish([once]) == {row.pk: LOST}
        assert DeliveryAttempt.objects.count() == 1


class TestManyAtOnce:
    def test_are_judged_one_by_one(self, make, wait_for):
        good, bad = make(trusted=True), make(trusted=True)
        wait_for(good, 2)
        wait_for(bad, 2)
        rows = claim()
        states = finish([tried(r, status=200 if r.endpoint_id == good.pk else 500) for r in rows])
        assert sorted(states.values()) == ["pending", "pending", "succeeded", "succeeded"]
        assert EndpointHealth.objects.get(pk=bad.pk).failures_in_a_row == 2
        assert EndpointHealth.objects.get(pk=good.pk).is_trusted

    def test_a_day_that_has_no_partition_gets_one(self, make, wait_for):
        wait_for(make())
        (row,) = claim()
        once = tried(row)
        object.__setattr__(once, "at", timezone.now() + timedelta(days=200))
        finish([once])
        assert DeliveryAttempt.objects.get().day == once.at.date()


class TestSwitchingOff:
    def test_at_once_when_the_receiver_is_gone(self, make, wait_for):
        endpoint = make()
        wait_for(endpoint)
        (row,) = claim()
        finish([tried(row, status=410)])
        endpoint.refresh_from_db()
        assert (endpoint.status, endpoint.disabled_reason) == ("disabled", "gone")

    def test_after_three_days_of_nothing_but_failures(self, make, wait_for):
        since = timezone.now() - timedelta(days=3, seconds=5)
        endpoint = make(failing_since=since, failures_in_a_row=700)
        wait_for(endpoint)
        (row,) = claim()
        finish([tried(row, status=None, error="connect_failed")])
        endpoint.refresh_from_db()
        assert (endpoint.status, endpoint.disabled_reason) == ("disabled", "failures")
        assert fresh(row).state == "pending"


class TestKeeping:
    def test_partitions_are_made_ahead_and_old_ones_dropped(self):
        now = timezone.now()
        keeping.make_attempt_partitions(now=now)
        assert keeping.make_attempt_partitions(now=now) == []
        assert keeping.purge_attempts(now=now) == []
        dropped = keeping.purge_attempts(now=now + timedelta(days=36))
        assert dropped[-1] == f"webhooks_deliveryattempt_p{now:%Y%m%d}"

    def test_old_deliveries_are_forgotten(self, make, wait_for):
        endpoint = make()
        now = timezone.now()
        wait_for(endpoint, 3, state="succeeded", finished_at=now - timedelta(days=31))
        (kept,) = wait_for(endpoint, state="failed", start=9, finished_at=now - timedelta(days=29))
        (pending,) = wait_for(endpoint, start=10, created_at=now - timedelta(days=60))
        assert keeping.purge_deliveries(now=now, batch=2) == 3
        assert set(Delivery.objects.values_list("pk", flat=True)) == {kept.pk, pending.pk}

    @pytest.mark.parametrize("why", ["disabled", "deleted", "suspended", "owner", None])
    def test_what_is_held_back_for_too_long_is_cancelled(self, make, wait_for, shop, alice, why):
        endpoint = make()
        now = timezone.now()
        (old,) = wait_for(endpoint, created_at=now - timedelta(days=4, seconds=9))
        (young,) = wait_for(endpoint, start=9, created_at=now - timedelta(days=3))
        rows = WebhookEndpoint.objects.filter(pk=endpoint.pk)
        if why == "disabled":
            rows.update(status="disabled", disabled_at=now, disabled_reason="owner")
        elif why == "deleted":
            rows.update(deleted_at=now)
        elif why == "suspended":
            shop.status, shop.suspended_at = "suspended", now
            shop.save()
        elif why == "owner":
            alice.is_active = False
            alice.save()

        assert keeping.cancel_held_deliveries(now=now) == (0 if why is None else 1)

        assert fresh(old).state == ("pending" if why is None else "cancelled")
        assert fresh(young).state == "pending"
