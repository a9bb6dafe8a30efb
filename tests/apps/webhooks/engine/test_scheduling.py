"""When a failed delivery is tried again, and how long an endpoint rests: tables."""

from datetime import UTC, datetime

import pytest

from apps.webhooks.services.scheduling import delay_after, pause_after, retry_after_of

NOON = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)


def middle(low, high):
    return (low + high) / 2


def lowest(low, _high):
    return low


class TestDelayAfter:
    def test_is_the_schedule_of_standard_webhooks(self):
        delays = [delay_after(tries, draw=middle) for tries in range(1, 11)]
        hours = [2, 5, 10, 14, 20, 24]
        assert delays == [5, 300, 1800, *(3600 * hour for hour in hours), None]

    def test_reaches_over_three_days(self):
        total = sum(delay_after(tries, draw=lowest) for tries in range(1, 10))
        assert total > 2.5 * 24 * 3600
        assert sum(delay_after(tries, draw=middle) for tries in range(1, 10)) > 3 * 24 * 3600

    def test_is_spread_so_that_not_all_come_back_at_once(self):
        assert delay_after(2, draw=lambda low, _: low) == pytest.approx(240)
        assert delay_after(2, draw=lambda _, high: high) == pytest.approx(360)


class TestPauseAfter:
    @pytest.mark.parametrize(
        ("failures", "seconds"), [(1, 2), (2, 4), (3, 8), (7, 128), (8, 256), (9, 300), (999, 300)]
    )
    def test_silence_doubles_up_to_five_minutes(self, failures, seconds):
        assert pause_after(failures, answered=False, status=None, draw=middle) == seconds

    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_who_says_that_it_is_overloaded_rests_at_once(self, status):
        assert pause_after(1, answered=True, status=status, draw=middle) == 2

    @pytest.mark.parametrize(("failures", "seconds"), [(1, None), (4, None), (5, 2), (6, 4)])
    def test_one_event_that_is_refused_does_not_hold_up_the_rest(self, failures, seconds):
        assert pause_after(failures, answered=True, status=500, draw=middle) == seconds


class TestRetryAfterOf:
    @pytest.mark.parametrize(
        ("status", "value", "seconds"),
        [
            (429, "120", 120),
            (503, " 7 ", 7),
            (502, "Mon, 02 Mar 2026 12:01:00 GMT", 60),
            (504, "Mon, 02 Mar 2026 11:00:00 GMT", 0),
            (429, "999999999", 24 * 3600),
            (429, "Fri, 31 Dec 9999 23:59:59 GMT", 24 * 3600),
            (429, "-5", None),
            (429, "soon", None),
            (429, "1.5", None),
            (429, "٣", None),
            (429, "Mon, 02 Mar 2026 12:01:00", None),
            (429, "", None),
            (429, None, None),
            (500, "120", None),
            (None, "120", None),
        ],
    )
    def test_takes_seconds_and_dates_and_nothing_else(self, status, value, seconds):
        assert retry_after_of(status, value, now=NOON) == seconds
