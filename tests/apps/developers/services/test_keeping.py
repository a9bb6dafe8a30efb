"""Days are made before they come, dropped when they are old; sums go later."""

from datetime import UTC, date, datetime, timedelta

import pytest

from apps.developers import tasks
from apps.developers.models import RequestRecord, UsageDay
from apps.developers.services.keeping import make_request_partitions, purge_requests, purge_usage
from apps.developers.services.recording import record_requests
from config.celery import app
from core.db.partitions import day_partitions
from tests.factories.requests import make_fact

pytestmark = pytest.mark.django_db

TABLE = "developers_requestrecord"
NOW = datetime(2035, 6, 30, 23, 59, tzinfo=UTC)


def partition(day):
    return f"{TABLE}_p{day:%Y%m%d}"


class TestMakeRequestPartitions:
    def test_makes_today_and_seven_days_once(self):
        made = make_request_partitions(now=NOW)

        assert made == [partition(NOW + timedelta(days=ahead)) for ahead in range(8)]
        assert make_request_partitions(now=NOW) == []
        assert set(made) <= set(day_partitions(TABLE))

    def test_days_are_those_of_utc(self):
        local = datetime.fromisoformat("2035-07-01T01:59:00+02:00")

        assert make_request_partitions(now=local)[0] == partition(NOW)


class TestPurgeRequests:
    def test_drops_what_is_older_than_thirty_days(self, settings):
        assert settings.REQUEST_LOG_DAYS == 30
        kept, old = NOW - timedelta(days=30), NOW - timedelta(days=31)
        record_requests([make_fact(at=kept), make_fact(at=old)])

        dropped = purge_requests(now=NOW)

        assert partition(old) in dropped
        assert partition(kept) not in dropped
        assert RequestRecord.objects.get().day == kept.date()

    def test_keeps_as_many_days_as_are_set(self, settings):
        settings.REQUEST_LOG_DAYS = 2
        record_requests([make_fact(at=NOW - timedelta(days=days)) for days in range(5)])

        purge_requests(now=NOW)

        assert sorted(RequestRecord.objects.values_list("day", flat=True)) == [
            date(2035, 6, 28),
            date(2035, 6, 29),
            date(2035, 6, 30),
        ]

    def test_leaves_the_sums(self):
        record_requests([make_fact(at=NOW - timedelta(days=100))])

        purge_requests(now=NOW)

        assert RequestRecord.objects.exists() is False
        assert UsageDay.objects.get().calls == 1


class TestPurgeUsage:
    def test_deletes_sums_older_than_two_years(self, settings):
        assert settings.USAGE_DAYS == 730
        record_requests(
            [make_fact(at=NOW - timedelta(days=730)), make_fact(at=NOW - timedelta(days=731))]
        )

        assert purge_usage(now=NOW) == 1
        assert UsageDay.objects.get().day == (NOW - timedelta(days=730)).date()


class TestTasks:
    @pytest.mark.parametrize(
        "task", [tasks.make_request_partitions, tasks.purge_requests, tasks.purge_usage]
    )
    def test_run_every_hour(self, task):
        entries = [e for e in app.conf.beat_schedule.values() if e["task"] == task.name]

        assert [entry["schedule"] for entry in entries] == [3_600.0]

    def test_make_and_drop_by_todays_date(self):
        record_requests([make_fact(at=datetime(2001, 1, 1, tzinfo=UTC))])

        tasks.make_request_partitions()
        tasks.purge_requests()
        tasks.purge_usage()

        today = datetime.now(UTC)
        assert partition(today) in day_partitions(TABLE)
        assert partition(today + timedelta(days=7)) in day_partitions(TABLE)
        assert RequestRecord.objects.exists() is False
        assert UsageDay.objects.exists() is False
