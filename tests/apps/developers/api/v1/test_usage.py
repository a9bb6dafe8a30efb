"""GET /usage: sums that are exact, percentiles that are close, and what is left of today."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from apps.developers.models import UsageDay
from apps.developers.selectors import usage
from apps.developers.services.recording import record_requests
from core.api.throttling import limiter
from core.facts.histogram import RATIO
from core.ids import uuid7
from tests.factories import oauth
from tests.factories.developers import client_with, login_of, make_application, make_key, make_plan
from tests.factories.requests import make_fact, make_principal

pytestmark = pytest.mark.django_db

URL = "/api/v1/usage"


@pytest.fixture
def today():
    return timezone.now().date()


@pytest.fixture
def noon(today):
    return datetime(today.year, today.month, today.day, 12, tzinfo=UTC)


@pytest.fixture
def shop(alice):
    return make_application(alice)


@pytest.fixture
def shop_client(shop):
    return client_with(make_key(shop, scopes=["usage:read"]).key)


def of_shop(shop):
    return make_principal(
        user_id=shop.owner_id, owner_id=shop.owner_id, application_id=shop.pk, credential="oauth"
    )


def ask(client, query=""):
    answer = client.get(f"{URL}?{query}" if query else URL)
    assert answer.status_code == 200, answer.content
    return answer.json()


class TestSums:
    def test_are_by_day_of_the_last_seven(self, alice, client_of, noon, today):
        who = login_of(alice)
        record_requests(
            [
                make_fact(who, at=noon),
                make_fact(who, at=noon, status=404, units=0),
                make_fact(who, at=noon, status=500),
                make_fact(who, at=noon - timedelta(days=6), units=10),
                make_fact(who, at=noon - timedelta(days=7)),
            ]
        )

        found = ask(client_of(alice))

        assert (found["first_day"], found["last_day"]) == (
            str(today - timedelta(days=6)),
            str(today),
        )
        assert found["by"] == ["day"]
        figures = [
            (row["day"], row["calls"], row["client_errors"], row["server_errors"], row["units"])
            for row in found["results"]
        ]
        assert figures == [
            (str(today - timedelta(days=6)), 1, 0, 0, 10),
            (str(today), 3, 1, 1, 2),
        ]
        assert found["results"][1]["error_rate"] == 0.6667
        totals = found["totals"]
        assert (totals["calls"], totals["units"], totals["error_rate"]) == (4, 12, 0.5)

    def test_are_by_what_is_asked_for(self, alice, client_of, noon, today, shop):
        record_requests(
            [
                make_fact(login_of(alice), at=noon),
                make_fact(of_shop(shop), at=noon),
                make_fact(
                    of_shop(shop),
                    at=noon,
                    method="POST",
                    route="api/v1/models/<str:name>/predict",
                    work="predict",
                    units=50,
                ),
            ]
        )
        client = client_of(alice)

        by_application = ask(client, "by=application")["results"]
        by_route = ask(client, "by=route,day")
        by_work = ask(client, "by=work")["results"]

        assert [(row["application_id"], row["calls"]) for row in by_application] == [
            (str(shop.pk), 2),
            (None, 1),
        ]
        assert by_route["by"] == ["day", "route"]
        assert [
            (row["day"], row["method"], row["route"], row["calls"]) for row in by_route["results"]
        ] == [
            (str(today), "GET", "/api/v1/me", 2),
            (str(today), "POST", "/api/v1/models/{name}/predict", 1),
        ]
        assert [(row["work"], row["units"]) for row in by_work] == [("default", 2), ("predict", 50)]

    def test_of_nothing_are_nothing(self, alice, client_of):
        found = ask(client_of(alice), "day__gte=2001-01-01&day__lte=2001-01-01")

        assert found["results"] == []
        assert found["totals"] == {
            **dict.fromkeys(("calls", "client_errors", "server_errors", "units"), 0),
            **dict.fromkeys(("p50_ms", "p95_ms", "p99_ms")),
            "error_rate": 0.0,
        }

    def test_of_an_application_are_its_own(self, alice, shop, shop_client, noon):
        other = make_application(alice, name="Other")
        record_requests(
            [make_fact(of_shop(shop), at=noon), make_fact(login_of(alice), at=noon)]
            + [make_fact(of_shop(other), at=noon)] * 1
        )

        assert ask(shop_client)["totals"]["calls"] == 1

    def test_of_an_application_are_not_for_those_who_lend_it_tokens(
        self, mallory, shop, assert_problem
    ):
        lent = oauth.tokens_of(mallory, oauth.make_client(shop, scopes=["usage:read"]), scope=None)

        assert_problem(client_with(lent["access_token"]).get(URL), 403, "usage_not_yours")

    def test_are_nobody_elses(self, mallory, client_of, shop, noon):
        record_requests([make_fact(of_shop(shop), at=noon)])

        assert ask(client_of(mallory))["results"] == []

    def test_take_two_statements_however_much_there_is(
        self, alice, noon, django_assert_num_queries
    ):
        who = login_of(alice)
        record_requests([make_fact(who, at=noon, route=f"api/v1/{number}") for number in range(50)])
        days = usage.usage_visible_to(who, first=noon.date(), last=noon.date())

        with django_assert_num_queries(2):
            found = usage.usage_of(days, by=["day", "route"])

        assert len(found.rows) == 50


class TestLatency:
    def test_percentiles_are_within_five_per_cent(self, alice, client_of, noon):
        who = login_of(alice)
        durations = [0.001 * (1 + number) for number in range(1_000)]  # 1 to 1,000 ms
        record_requests([make_fact(who, at=noon, seconds=each) for each in durations[:500]])
        record_requests(
            [
                make_fact(who, at=noon - timedelta(days=1), seconds=each, route="api/v1/users")
                for each in durations[500:]
            ]
        )

        totals = ask(client_of(alice))["totals"]

        close = RATIO**0.5 - 1 + 1e-6
        assert totals["p50_ms"] == pytest.approx(500, rel=close)
        assert totals["p95_ms"] == pytest.approx(950, rel=close)
        assert totals["p99_ms"] == pytest.approx(990, rel=close)

    def test_percentiles_are_of_each_row(self, alice, client_of, noon):
        who = login_of(alice)
        record_requests(
            [
                make_fact(who, at=noon, seconds=0.002),
                make_fact(who, at=noon, seconds=0.2, route="api/v1/users/<uuid:user_id>"),
            ]
        )

        slow, fast = sorted(
            ask(client_of(alice), "by=route")["results"], key=lambda row: -row["p50_ms"]
        )

        assert (slow["route"], fast["route"]) == ("/api/v1/users/{user_id}", "/api/v1/me")
        assert slow["p50_ms"] == pytest.approx(200, rel=0.05)
        assert fast["p99_ms"] == pytest.approx(2, rel=0.05)


class TestQuota:
    def test_says_what_is_left_of_today(self, alice, shop, shop_client):
        make_plan(
            "tiny",
            default=(100, 1_000, 500, None),
            predict=(10, 100, None, 5),
            batch=(10, 100, 20, None),
        )
        type(shop).objects.filter(pk=shop.pk).update(plan_id=plan_id("tiny"))
        shop_client.get(URL)

        quota = ask(shop_client)["quota"]

        assert quota == [
            {"work": "default", "daily": 500, "spent": 2, "remaining": 498},
            {"work": "batch", "daily": 20, "spent": 0, "remaining": 20},
        ]

    def test_is_unknown_without_redis_and_the_rest_is_answered(
        self, alice, client_of, noon, settings
    ):
        record_requests([make_fact(login_of(alice), at=noon)])
        settings.REDIS_LIMITS_URL = "redis://127.0.0.1:1/1"

        found = ask(client_of(alice))

        limiter.breaker.succeeded()
        assert found["quota"] is None
        assert found["totals"]["calls"] == 1


def plan_id(name):
    from apps.developers.models import Plan

    return Plan.objects.get(name=name).pk


class TestQuestion:
    @pytest.mark.parametrize(
        ("query", "parameter"),
        [
            ("by=user", "by"),
            ("by=day,day", "by"),
            ("by=day,", "by"),
            ("day__gte=yesterday", "day__gte"),
            ("day__lte=2026-13-01", "day__lte"),
            ("day__gte=2026-03-02&day__lte=2026-03-01", "day__gte"),
            ("day__gte=2026-01-01&day__lte=2026-04-03", "day__gte"),
        ],
    )
    def test_that_cannot_be_is_refused(self, alice, client_of, assert_problem, query, parameter):
        answer = client_of(alice).get(f"{URL}?{query}")

        assert_problem(answer, 400, "invalid_parameter", at=(parameter, "invalid"))

    @pytest.mark.parametrize(
        ("query", "first", "last"),
        [
            ("day__gte=2026-01-01&day__lte=2026-04-02", "2026-01-01", "2026-04-02"),  # 92 days
            ("day__lte=2026-03-07", "2026-03-01", "2026-03-07"),
            ("day__lte=0001-01-02", "0001-01-01", "0001-01-02"),
        ],
    )
    def test_may_be_about_a_quarter_of_a_year(self, alice, client_of, query, first, last):
        found = ask(client_of(alice), query)

        assert (found["first_day"], found["last_day"]) == (first, last)

    def test_with_too_many_rows_is_refused(self, alice, client_of, assert_problem, monkeypatch):
        monkeypatch.setattr(usage, "ROWS_MAX", 3)
        who, day = login_of(alice), date(2026, 3, 1)
        UsageDay.objects.bulk_create(
            UsageDay(
                day=day,
                account_id=who.user_id,
                method="GET",
                route=f"/{number}",
                work="default",
                calls=1,
                latency_histogram=[1],
            )
            for number in range(4)
        )
        client = client_of(alice)

        answer = client.get(f"{URL}?by=route&day__gte={day}&day__lte={day}")

        assert_problem(answer, 400, "usage_too_fine")
        assert ask(client, f"by=day&day__gte={day}&day__lte={day}")["totals"]["calls"] == 4

    def test_needs_the_scope(self, shop, assert_problem):
        client = client_with(make_key(shop, scopes=["profile:read"]).key)

        assert_problem(client.get(URL), 403, "insufficient_scope")

    def test_is_for_somebody_known(self, client_of, assert_problem):
        assert_problem(client_of(None).get(URL), 401, "not_authenticated")

    def test_of_an_unknown_application_is_empty(self, alice):
        who = make_principal(user_id=alice.pk, owner_id=alice.pk, application_id=uuid7())

        days = usage.usage_visible_to(who, first=date(2000, 1, 1), last=date(2100, 1, 1))

        assert usage.usage_of(days, by=[]).totals.sums["calls"] == 0
