"""What staff see of calls: the log, the sums, the chart, and the figures of the first page."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import User
from apps.developers.admin.charts import calls_chart
from apps.developers.models import RequestRecord, UsageDay
from apps.developers.selectors.daily_calls import DAYS_MAX, LOGINS, OTHERS, daily_calls
from apps.developers.services.recording import record_requests
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.developers import login_of, make_application
from tests.factories.requests import make_fact, make_principal

pytestmark = pytest.mark.django_db

LOG = "/admin/developers/requestrecord/"
USAGE = "/admin/developers/usageday/"


@pytest.fixture
def client():
    client = Client()
    client.force_login(User.objects.create_superuser("root", password=PASSWORD))
    return client


@pytest.fixture
def noon():
    return timezone.now().replace(hour=12)


@pytest.fixture
def shop(alice):
    return make_application(alice)


def of_shop(shop):
    return make_principal(
        user_id=shop.owner_id,
        owner_id=shop.owner_id,
        application_id=shop.pk,
        credential="api_key",
        credential_id=str(shop.pk),
    )


def text_of(client, url):
    answer = client.get(url)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def shown(client, url):
    """The request ids of a list's rows."""
    answer = client.get(url)
    assert answer.status_code == 200
    return [row.request_id for row in answer.context_data["cl"].result_list]


class TestLog:
    def test_shows_a_call_with_links_to_whose_it_was(self, client, shop, noon):
        fact = make_fact(of_shop(shop), at=noon, status=429, error_code="rate_limited")
        record_requests([fact])

        text = text_of(client, LOG)

        assert fact.request_id in text
        assert "rate_limited" in text
        assert f'<a href="/admin/developers/application/{shop.pk}/change/">Shop</a>' in text
        assert f"/admin/accounts/user/{shop.owner_id}/change/" in text

    def test_reaches_back_to_yesterday_unless_asked(self, client, noon):
        facts = [make_fact(at=noon - timedelta(days=days)) for days in (0, 1, 2, 20)]
        record_requests(facts)
        ids = [fact.request_id for fact in facts]

        assert shown(client, LOG) == ids[:2]
        assert shown(client, f"{LOG}?period=today") == ids[:1]
        assert shown(client, f"{LOG}?period=week") == ids[:3]
        assert shown(client, f"{LOG}?period=all") == ids
        assert shown(client, f"{LOG}?period=nonsense") == ids[:1]

    def test_is_searched_by_ids_route_and_error_code(self, client, shop, noon):
        by_shop = make_fact(of_shop(shop), at=noon, status=500, error_code="internal_error")
        other = make_fact(at=noon, route="api/v1/users/<uuid:user_id>")
        old = make_fact(at=noon - timedelta(days=20))
        record_requests([by_shop, other, old])

        assert shown(client, f"{LOG}?q={shop.pk}") == [by_shop.request_id]
        assert shown(client, f"{LOG}?q={shop.owner_id}") == [by_shop.request_id]
        assert shown(client, f"{LOG}?q=internal_error") == [by_shop.request_id]
        assert shown(client, f"{LOG}?q=/api/v1/users") == [other.request_id]
        assert shown(client, f"{LOG}?q={old.request_id}") == [old.request_id]
        assert shown(client, f"{LOG}?q=req_{'f' * 32}") == []
        assert shown(client, f"{LOG}?q=what's that") == []

    def test_has_a_page_for_each_call_that_changes_nothing(self, client, noon):
        record_requests([make_fact(at=noon, request_length="2048", response_bytes=None)])
        row = RequestRecord.objects.get()

        text = text_of(client, f"{LOG}{row.pk}/change/")

        assert "2.0 KiB" in text
        assert "streamed" in text
        assert "_save" not in text

    def test_never_counts_every_call_there_is(self, client, noon):
        record_requests([make_fact(at=noon) for _ in range(5)])

        with CaptureQueriesContext(connection) as queries:
            text_of(client, f"{LOG}?period=all")

        counts = [q["sql"] for q in queries if "COUNT(*)" in q["sql"] and TABLE in q["sql"]]
        assert len(counts) == 1
        assert "LIMIT 10000" in counts[0]

    def test_is_for_staff_who_may(self, noon):
        helper = UserFactory(staff=True)
        client = Client()
        client.force_login(helper)
        assert client.get(LOG).status_code == 403

        helper.user_permissions.add(Permission.objects.get(codename="view_requestrecord"))

        assert client.get(LOG).status_code == 200
        assert client.get(USAGE).status_code == 403


TABLE = "developers_requestrecord"


class TestUsage:
    def test_adds_up_what_is_found(self, client, shop, noon, alice):
        record_requests(
            [make_fact(of_shop(shop), at=noon) for _ in range(1_200)]
            + [make_fact(login_of(alice), at=noon, status=404, units=7)]
        )

        all_of_it = client.get(USAGE).context_data
        of_shop_alone = client.get(f"{USAGE}?application={shop.pk}").context_data
        own = client.get(f"{USAGE}?application=none").context_data

        assert all_of_it["totals"] == [
            ("calls", "1,201"),
            ("client errors", "1"),
            ("server errors", "0"),
            ("units", "1,207"),
        ]
        assert of_shop_alone["totals"][0] == ("calls", "1,200")
        assert own["totals"][0] == ("calls", "1")
        assert client.get(f"{USAGE}?application=x").context_data["totals"][0] == ("calls", "0")

    def test_offers_the_applications_that_called(self, client, shop, noon):
        record_requests([make_fact(of_shop(shop), at=noon)])

        text = text_of(client, USAGE)

        assert f"?application={shop.pk}" in text
        assert "12.3 ms" in text  # the middle of the bucket that 12 ms are in

    def test_reaches_back_thirty_days_unless_asked(self, client, noon):
        record_requests([make_fact(at=noon - timedelta(days=days)) for days in (0, 30, 31, 93)])

        found = [
            client.get(f"{USAGE}{query}").context_data["totals"][0][1]
            for query in ("", "?period=quarter", "?period=all", "?period=today")
        ]

        assert found == ["2", "3", "4", "1"]

    def test_draws_a_chart_without_a_script(self, client, shop, noon):
        record_requests([make_fact(of_shop(shop), at=noon), make_fact(at=noon)])

        text = text_of(client, USAGE)

        assert text.count("<rect ") == 2
        assert f"<title>{noon.date()}, Shop: 1 calls</title>" in text
        assert LOGINS in text.replace("&#x27;", "'")
        assert "<script" not in str(calls_chart(daily_calls(UsageDay.objects.all())))

    def test_has_a_page_for_each_row(self, client, noon):
        record_requests([make_fact(at=noon, seconds=0.1)])
        row = UsageDay.objects.get()

        assert "100" in text_of(client, f"{USAGE}{row.pk}/change/")


class TestApplicationPage:
    def test_shows_its_calls_of_a_month_and_no_others(self, client, shop, noon):
        facts = [make_fact(of_shop(shop), at=noon - timedelta(days=days)) for days in (0, 30, 31)]
        record_requests([*facts, make_fact(at=noon)])

        text = text_of(client, f"/admin/developers/application/{shop.pk}/change/")

        assert text.count("<rect ") == 2
        assert "Shop: 2" in text


class TestDailyCalls:
    def test_of_nothing_is_nothing(self):
        calls = daily_calls(UsageDay.objects.all())

        assert (calls.days, calls.series) == ([], [])
        assert calls_chart(calls) == "—"

    def test_has_the_busiest_by_name_and_the_rest_as_one(self, alice, noon):
        shops = [make_application(alice, name=f"Shop {number}") for number in range(6)]
        facts = [
            make_fact(of_shop(shop), at=noon)
            for number, shop in enumerate(shops)
            for _ in range(10 - number)
        ]
        record_requests([*facts, make_fact(login_of(alice), at=noon - timedelta(days=2))])

        calls = daily_calls(UsageDay.objects.all())

        assert calls.days == [noon.date() - timedelta(days=days) for days in (2, 1, 0)]
        assert calls.series == [
            *((f"Shop {number}", [0, 0, 10 - number]) for number in range(5)),
            (OTHERS, [1, 0, 5]),
        ]

    def test_shows_the_last_days_when_there_are_many(self, noon):
        record_requests([make_fact(at=noon), make_fact(at=noon - timedelta(days=400))])

        calls = daily_calls(UsageDay.objects.all())

        assert len(calls.days) == DAYS_MAX
        assert calls.days[-1] == noon.date()
        assert calls.series == [(LOGINS, [0] * (DAYS_MAX - 1) + [1])]

    def test_escapes_names(self, alice, noon):
        record_requests([make_fact(of_shop(make_application(alice, name="<b>")), at=noon)])

        chart = str(calls_chart(daily_calls(UsageDay.objects.all())))

        assert "<b>" not in chart
        assert "&lt;b&gt;" in chart


class TestOverview:
    def test_says_how_much_was_called_today_and_failed(self, client, noon):
        record_requests(
            [
                *(make_fact(at=noon) for _ in range(1_000)),
                make_fact(at=noon, status=404),
                make_fact(at=noon, status=500),
                make_fact(at=noon - timedelta(days=1)),
            ]
        )

        tiles = {tile.label: tile.figure for tile in client.get("/admin/").context_data["tiles"]}

        assert tiles["calls today"] == "1,002"
        assert tiles["errors today"] == "2"
