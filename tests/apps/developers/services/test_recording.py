"""docs/subsystems/request-log.md: what becomes of facts in the database."""

import threading
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DataError, connection, connections, transaction

from apps.developers.models import ApiKey, Application, RequestRecord, UsageDay
from apps.developers.services.recording import record_requests
from core.db.partitions import day_partitions
from core.facts.histogram import BUCKETS, bucket_of
from core.ids import uuid7
from tests.factories.accounts import UserFactory
from tests.factories.parallel import in_parallel
from tests.factories.requests import DEFAULT_AT, make_fact, make_principal

pytestmark = pytest.mark.django_db

TABLE = "developers_requestrecord"


@pytest.fixture
def key():
    application = Application.objects.create(owner=UserFactory(), name="Shop")
    return ApiKey.objects.create(
        application=application, name="one", prefix="sk_abcdefgh", digest=b"1", scopes=["x"]
    )


def called_by(key, *, at=DEFAULT_AT):
    principal = make_principal(
        credential="api_key",
        credential_id=str(key.pk),
        application_id=key.application_id,
        owner_id=key.application.owner_id,
    )
    return make_fact(principal, at=at)


def calls(sums):
    return sum(row.calls for row in sums)


class TestRecord:
    def test_says_all_that_is_known_of_a_call(self):
        owner, user, application = uuid7(), uuid7(), uuid7()
        principal = make_principal(
            user_id=user, owner_id=owner, application_id=application, credential="oauth"
        )
        fact = make_fact(
            principal,
            method="POST",
            route="api/v1/models/<str:name>/predict",
            status=429,
            error_code="rate_limited",
            seconds=0.0123456,
            request_length="512",
            response_bytes=None,
            work="predict",
            units=1000,
        )

        record_requests([fact])

        row = RequestRecord.objects.values().get()
        assert row == {
            "id": row["id"],
            "day": date(2026, 6, 1),
            "at": DEFAULT_AT,
            "account_id": owner,
            "user_id": user,
            "application_id": application,
            "credential": "oauth",
            "credential_id": principal.credential_id,
            "method": "POST",
            "route": "/api/v1/models/{name}/predict",
            "status": 429,
            "error_code": "rate_limited",
            "latency_ms": 12.346,
            "request_bytes": 512,
            "response_bytes": None,
            "work": "predict",
            "units": 1000,
            "request_id": fact.request_id,
        }
        assert fact.request_id == f"req_{row['id'].hex}"

    @pytest.mark.parametrize(
        ("length", "counted"),
        [(None, 0), ("", 0), ("0", 0), ("17", 17), ("x", 0), ("-1", 0), ("9" * 4_000, 2**63 - 1)],
    )
    def test_takes_any_content_length(self, length, counted):
        record_requests([make_fact(request_length=length)])

        assert RequestRecord.objects.get().request_bytes == counted

    def test_of_head_says_that_no_body_was_sent(self):
        record_requests([make_fact(method="HEAD", response_bytes=321)])

        assert RequestRecord.objects.get().response_bytes == 0

    def test_takes_any_text(self):
        route = "api/v1/\\N\t\n\r\\d+" + "x" * 300

        record_requests([make_fact(route=route)])

        assert RequestRecord.objects.get().route == f"/{route}"[:200]

    def test_makes_the_partition_that_is_missing(self):
        far = datetime(2031, 2, 3, 23, 59, 59, 999_999, tzinfo=UTC)

        record_requests([make_fact(at=far), make_fact(at=far + timedelta(seconds=1))])

        assert {f"{TABLE}_p20310203", f"{TABLE}_p20310204"} <= set(day_partitions(TABLE))
        assert RequestRecord.objects.count() == 2

    def test_that_comes_again_is_stored_and_counted_once(self):
        known, new = make_fact(), make_fact()
        record_requests([known])

        record_requests([known, new])
        record_requests([known, new])

        assert RequestRecord.objects.count() == 2
        assert calls(UsageDay.objects.filter(account_id=known.principal.account_id)) == 1
        assert calls(UsageDay.objects.all()) == 2

    def test_of_which_one_is_bad_stores_nothing(self):
        with pytest.raises(DataError):
            record_requests([make_fact(), make_fact(request_id="req_of-nobody")])

        assert RequestRecord.objects.exists() is False
        assert UsageDay.objects.exists() is False

    def test_costs_three_statements(self, key, django_assert_num_queries):
        record_requests([make_fact()])  # its day has a partition now
        facts = [make_fact() for _ in range(20)] + [called_by(key)]

        with django_assert_num_queries(5):  # a savepoint and its release, COPY, keys, sums
            record_requests(facts)


class TestUsage:
    def test_adds_up_by_day_account_application_and_route(self):
        alice = make_principal()
        shop = make_principal(application_id=uuid7(), owner_id=alice.user_id)
        midnight = datetime(2026, 6, 2, tzinfo=UTC)

        record_requests(
            [
                make_fact(alice, seconds=0.010),
                make_fact(alice, seconds=0.020, status=404, units=0),
                make_fact(alice, at=midnight - timedelta(microseconds=1), status=503),
                make_fact(alice, at=midnight),
                make_fact(alice, method="PATCH"),
                make_fact(shop, work="predict", units=50),
                make_fact(),
            ]
        )
        record_requests([make_fact(alice, seconds=0.010)])

        mine = UsageDay.objects.filter(account_id=alice.user_id)
        first = mine.get(day=date(2026, 6, 1), application_id=None, method="GET")
        assert (first.calls, first.client_errors, first.server_errors, first.units) == (4, 1, 1, 3)
        expected = [0] * BUCKETS
        for milliseconds in (10, 20, 12, 10):
            expected[bucket_of(milliseconds)] += 1
        assert first.latency_histogram == expected
        assert calls(mine) == 7
        assert mine.count() == 4
        other = mine.get(application_id=shop.application_id)
        assert (other.calls, other.units, other.work) == (1, 50, "predict")

    def test_adds_to_a_histogram_of_another_length(self):
        alice = make_principal()
        record_requests([make_fact(alice, seconds=60.0)])
        UsageDay.objects.update(latency_histogram=[5, 6])

        record_requests([make_fact(alice, seconds=0.0)])

        assert UsageDay.objects.get().latency_histogram == [6, 6] + [0] * (BUCKETS - 2)


@pytest.mark.django_db(transaction=True)
class TestTogether:
    def test_four_processes_add_up_exactly(self):
        people = [make_principal() for _ in range(5)]
        routes = [f"api/v1/route-{number}" for number in range(4)]

        def write(number):
            """Each with its own connection, its batches in another order."""
            for batch in range(5):
                facts = [
                    make_fact(
                        people[(number + each) % 5], route=routes[(batch + 3 * each + number) % 4]
                    )
                    for each in range(100)
                ]
                record_requests(facts)

        answers = in_parallel(write, count=4)

        assert answers == [None] * 4
        rows = list(UsageDay.objects.all())
        assert calls(rows) == RequestRecord.objects.count() == 2_000
        assert sum(row.latency_histogram[bucket_of(12)] for row in rows) == 2_000
        for row in rows:
            of_it = RequestRecord.objects.filter(account_id=row.account_id, route=row.route)
            assert row.calls == of_it.count()

    def test_two_that_find_a_day_missing_both_succeed(self):
        at = datetime(2032, 5, 6, tzinfo=UTC)

        answers = in_parallel(lambda _: record_requests([make_fact(at=at)]), count=4)

        assert answers == [None] * 4
        assert RequestRecord.objects.filter(day=at.date()).count() == 4


class TestLastUsed:
    def test_is_written_with_the_first_call(self, key):
        before = key.row_version

        record_requests([called_by(key), called_by(key, at=DEFAULT_AT + timedelta(seconds=30))])

        key.refresh_from_db()
        assert key.last_used_at == DEFAULT_AT + timedelta(seconds=30)
        assert key.row_version == before

    def test_moves_at_most_once_a_minute(self, key):
        written = []
        for seconds in (0, 30, 60, 61, 90, 122):
            record_requests([called_by(key, at=DEFAULT_AT + timedelta(seconds=seconds))])
            key.refresh_from_db()
            written.append((key.last_used_at - DEFAULT_AT).total_seconds())

        assert written == [0, 0, 0, 61, 61, 122]

    def test_never_moves_back(self, key):
        record_requests([called_by(key)])
        record_requests([called_by(key, at=DEFAULT_AT - timedelta(hours=1))])

        key.refresh_from_db()
        assert key.last_used_at == DEFAULT_AT

    def test_of_other_credentials_is_not_looked_for(self, key):
        record_requests([make_fact(make_principal(credential_id=str(key.pk)))])

        key.refresh_from_db()
        assert key.last_used_at is None

    @pytest.mark.django_db(transaction=True)
    def test_of_a_locked_key_waits_for_nobody(self, key):
        locked, done = threading.Event(), threading.Event()

        def hold():
            with transaction.atomic():
                ApiKey.objects.select_for_update().get(pk=key.pk)
                locked.set()
                done.wait(20)
            connection.close()

        holder = threading.Thread(target=hold)
        holder.start()
        locked.wait(20)
        started = time.monotonic()
        record_requests([called_by(key)])
        elapsed = time.monotonic() - started
        done.set()
        holder.join()

        assert elapsed < 1.0
        key.refresh_from_db()
        assert key.last_used_at is None
        record_requests([called_by(key)])
        key.refresh_from_db()
        assert key.last_used_at == DEFAULT_AT


@pytest.mark.django_db(transaction=True)
class TestTheProcess:
    """The buffer, its thread and the table together, as in production."""

    @pytest.fixture
    def in_background(self, settings):
        from core.facts.requests import buffer

        settings.REQUEST_LOG_IN_BACKGROUND = True
        yield buffer
        buffer.close()
        buffer.forget()

    def test_a_call_is_in_the_log_within_two_seconds(self, in_background, alice, client_of):
        answer = client_of(alice).get("/api/v1/me")

        deadline = time.monotonic() + 2.0
        while not RequestRecord.objects.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert RequestRecord.objects.get().request_id == answer["X-Request-Id"]

    def test_its_session_killed_it_opens_another_and_loses_nothing(self, in_background):
        in_background.offer(make_fact())
        wait_for_rows(1)
        assert kill_its_session() == 1

        for _ in range(50):
            in_background.offer(make_fact())

        wait_for_rows(51)

    def test_it_has_a_connection_of_its_own(self, in_background):
        in_background.offer(make_fact())
        wait_for_rows(1)

        assert kill_its_session() == 1
        assert connections["default"].is_usable()


def wait_for_rows(count, seconds=10.0):
    deadline = time.monotonic() + seconds
    while RequestRecord.objects.count() < count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert RequestRecord.objects.count() == count


def kill_its_session():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'agora request log' AND datname = current_database()"
        )
        return cursor.rowcount
