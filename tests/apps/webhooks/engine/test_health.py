"""What a try tells of its endpoint."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.webhooks.models import EndpointHealth
from apps.webhooks.services.health import Result, note, reason_to_disable
from apps.webhooks.services.scheduling import JITTER

NOON = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)
OK = Result(arrived=True, seconds=0.1, status=200)
SLOW = Result(arrived=True, seconds=1.5, status=200)
SILENT = Result(arrived=False, seconds=10.0)
REFUSED = Result(arrived=False, seconds=0.1, status=500)


def middle(low, high):
    return (low + high) / 2


def after(*results, **fields):
    health = EndpointHealth(**fields)
    for result in results:
        note(health, result, now=NOON, draw=middle)
    return health


class TestTrust:
    def test_begins_with_a_quick_good_answer(self):
        assert not EndpointHealth().is_trusted
        assert after(OK).is_trusted

    @pytest.mark.parametrize("result", [SLOW, SILENT, REFUSED])
    def test_ends_with_a_slow_answer_and_with_a_failure(self, result):
        assert not after(OK, result).is_trusted


class TestFailures:
    def test_are_counted_from_the_first_one_on(self):
        early = NOON - DAY
        health = after(REFUSED, SILENT, failing_since=early, failures_in_a_row=4)
        assert (health.failing_since, health.failures_in_a_row) == (early, 6)
        assert health.last_failure_at == NOON

    def test_further_apart_than_any_two_tries_are_counted_from_the_later_one(self):
        early = NOON - 9 * DAY
        health = after(REFUSED, failing_since=early, last_failure_at=NOON - 2 * DAY)
        assert health.failing_since == NOON
        assert reason_to_disable(health, REFUSED, now=NOON) is None

        health = after(REFUSED, failing_since=early, last_failure_at=NOON - 1.9 * DAY)
        assert health.failing_since == early

    def test_of_one_delivery_are_never_further_apart_than_that(self, settings):
        longest = max(settings.WEBHOOK_RETRY_SECONDS) * JITTER[1]
        waits = max(longest, settings.WEBHOOK_RETRY_AFTER_MAX) + settings.WEBHOOK_PAUSE_MAX_SECONDS
        assert waits < settings.WEBHOOK_FORGET_SECONDS < settings.WEBHOOK_DISABLE_AFTER_SECONDS

    def test_are_forgotten_at_the_first_success(self):
        health = after(SILENT, SILENT, SLOW)
        assert (health.failing_since, health.failures_in_a_row, health.paused_until) == (
            None,
            0,
            None,
        )
        assert health.last_success_at == NOON


class TestPause:
    def test_who_is_silent_rests_a_little(self):
        assert after(SILENT).paused_until == NOON + timedelta(seconds=2)

    def test_who_refuses_one_event_does_not(self):
        assert after(REFUSED).paused_until is None

    def test_who_asks_for_a_pause_has_it(self):
        asked = Result(arrived=False, seconds=0.1, status=429, retry_after=600.0)
        assert after(asked).paused_until == NOON + timedelta(seconds=600)

    def test_a_longer_one_is_not_cut_short(self):
        until = NOON + timedelta(hours=1)
        assert after(SILENT, paused_until=until).paused_until == until


class TestReasonToDisable:
    def test_gone_at_once(self):
        gone = Result(arrived=False, seconds=0.1, status=410)
        assert reason_to_disable(after(gone), gone, now=NOON) == "gone"

    @pytest.mark.parametrize(
        ("since", "reason"),
        [(NOON - 3 * DAY, "failures"), (NOON - 3 * DAY + timedelta(seconds=1), None), (None, None)],
    )
    def test_failures_when_there_was_nothing_else_for_three_days(self, since, reason):
        health = after(SILENT, failing_since=since)
        assert reason_to_disable(health, SILENT, now=NOON) == reason

    def test_never_after_a_success(self):
        health = EndpointHealth(failing_since=NOON - 9 * DAY)
        assert reason_to_disable(health, OK, now=NOON) is None
