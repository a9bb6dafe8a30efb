"""Who still calls what is deprecated: for a developer in their usage, for staff in a report."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from apps.accounts.api.v1.views.people import MeView, UserView
from apps.accounts.models import User
from apps.developers.models import UsageDay
from apps.developers.selectors.deprecated_calls import (
    deprecated_calls,
    only_deprecated,
    without_deprecated,
)
from apps.developers.services.recording import record_requests
from core.facts.requests import buffer
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.deprecations import ENDING, OVER, deprecated
from tests.factories.developers import client_with, login_of, make_application, make_key
from tests.factories.requests import make_fact, make_principal

pytestmark = pytest.mark.django_db

USAGE = "/api/v1/usage"
REPORT = "/admin/developers/usageday/deprecated/"
USER = "api/v1/users/<uuid:user_id>"


@pytest.fixture
def noon():
    return timezone.now().replace(hour=12)


@pytest.fixture
def today(noon):
    return noon.date()


@pytest.fixture
def shop(alice):
    return make_application(alice)


@pytest.fixture
def of_shop(shop):
    return make_principal(
        user_id=shop.owner_id, owner_id=shop.owner_id, application_id=shop.pk, credential="api_key"
    )


@pytest.fixture
def ending():
    """`GET /me` is on its way out, `GET /users/{user_id}` is gone."""
    with deprecated(MeView, get=ENDING), deprecated(UserView, get=OVER):
        yield


@pytest.fixture
def root():
    client = Client()
    client.force_login(User.objects.create_superuser("root", password=PASSWORD))
    return client


def lines(today):
    """The report, as (method, route, application, calls of 7 and 30 days, last day)."""
    return [
        (
            line.operation.method,
            line.operation.route,
            line.application_name,
            line.week,
            line.month,
            line.last_day,
        )
        for line in deprecated_calls(today=today)
    ]


class TestDeprecatedCalls:
    def test_are_none_while_nothing_is_deprecated(self, alice, noon, today):
        record_requests([make_fact(login_of(alice), at=noon)])

        assert lines(today) == []

    @pytest.mark.usefixtures("ending")
    def test_are_counted_by_operation_and_caller(self, alice, of_shop, noon, today):
        record_requests(
            [
                *(make_fact(of_shop, at=noon - timedelta(days=days)) for days in (0, 6, 7, 29, 30)),
                make_fact(of_shop, at=noon, method="HEAD"),
                make_fact(of_shop, at=noon, method="PATCH"),
                make_fact(login_of(alice), at=noon - timedelta(days=9)),
                make_fact(of_shop, at=noon - timedelta(days=1), route=USER, status=410),
            ]
        )

        assert lines(today) == [
            ("GET", "/api/v1/users/{user_id}", "Shop", 1, 1, today - timedelta(days=1)),
            ("GET", "/api/v1/me", "Shop", 3, 5, today),
            ("GET", "/api/v1/me", "", 0, 1, today - timedelta(days=9)),
        ]

    @pytest.mark.usefixtures("ending")
    def test_of_an_operation_take_two_statements(
        self, of_shop, noon, today, django_assert_num_queries
    ):
        record_requests([make_fact(make_principal(), at=noon) for _ in range(20)])
        record_requests([make_fact(of_shop, at=noon)])

        with django_assert_num_queries(2 + 1):  # nobody has called the other, so no names
            assert len(lines(today)) == 21

    @pytest.mark.usefixtures("ending")
    def test_a_call_that_is_refused_as_retired_is_one(self, alice, client_of, shop, today):
        """The whole way: the refusal is logged under the route that it has in the schema."""
        client = client_with(make_key(shop, scopes=["profile:read"]).key)

        refused = client.get(f"/api/v1/users/{alice.pk}")
        buffer.flush()

        assert (refused.status_code, refused.json()["code"]) == (410, "endpoint_retired")
        assert lines(today) == [("GET", "/api/v1/users/{user_id}", "Shop", 1, 1, today)]


class TestFilters:
    @pytest.mark.usefixtures("ending")
    def test_divide_the_rows(self, of_shop, noon):
        record_requests(
            [make_fact(of_shop, at=noon), make_fact(of_shop, at=noon, route="api/v1/limits")]
        )
        days = UsageDay.objects.all()

        assert [row.route for row in only_deprecated(days)] == ["/api/v1/me"]
        assert [row.route for row in without_deprecated(days)] == ["/api/v1/limits"]

    def test_find_nothing_while_nothing_is_deprecated(self, of_shop, noon):
        record_requests([make_fact(of_shop, at=noon)])

        assert not only_deprecated(UsageDay.objects.all()).exists()
        assert without_deprecated(UsageDay.objects.all()).count() == 1


class TestUsage:
    def ask(self, client, query):
        answer = client.get(f"{USAGE}?{query}")
        assert answer.status_code == 200, answer.content
        return answer.json()

    @pytest.mark.usefixtures("ending")
    def test_shows_a_developer_what_they_must_move(self, alice, client_of, of_shop, shop, noon):
        record_requests(
            [
                *(make_fact(of_shop, at=noon) for _ in range(3)),
                make_fact(of_shop, at=noon, route="api/v1/limits"),
            ]
        )
        client = client_of(alice)

        found = self.ask(client, "deprecated=true&by=route,application")
        others = self.ask(client, "deprecated=false&by=route")
        everything = self.ask(client, "by=application")

        rows = [
            (row["application_id"], row["method"], row["route"], row["sunset"], row["calls"])
            for row in found["results"]
        ]
        assert rows == [(str(shop.pk), "GET", "/api/v1/me", "2099-07-01", 3)]
        assert found["totals"]["calls"] == 3
        assert [(row["route"], row["sunset"]) for row in others["results"]] == [
            ("/api/v1/limits", None)
        ]
        assert "sunset" not in everything["results"][0]
        assert everything["totals"]["calls"] == 4

    def test_is_empty_while_nothing_is_deprecated(self, alice, client_of, noon):
        record_requests([make_fact(login_of(alice), at=noon)])

        found = self.ask(client_of(alice), "deprecated=true&by=route,day")

        assert (found["results"], found["totals"]["calls"]) == ([], 0)
        assert self.ask(client_of(alice), "deprecated=true&by=day")["totals"]["p50_ms"] is None

    @pytest.mark.usefixtures("ending")
    def test_of_somebody_else_stays_theirs(self, mallory, client_of, of_shop, noon):
        record_requests([make_fact(of_shop, at=noon)])

        assert self.ask(client_of(mallory), "deprecated=true&by=route")["results"] == []

    @pytest.mark.parametrize("value", ["yes", "1", "True"])
    def test_takes_true_or_false(self, alice, client_of, assert_problem, value):
        answer = client_of(alice).get(f"{USAGE}?deprecated={value}")

        assert_problem(answer, 400, "invalid_parameter", at=("deprecated", "invalid"))


class TestReport:
    @pytest.mark.usefixtures("ending")
    def test_names_operation_application_owner_and_counts(self, root, of_shop, shop, noon, today):
        record_requests([make_fact(of_shop, at=noon - timedelta(days=days)) for days in (0, 0, 20)])

        page = root.get(REPORT).content.decode()

        assert "GET /api/v1/me" in page
        assert "2099-07-01" in page
        assert f'<a href="/admin/developers/application/{shop.pk}/change/">Shop</a>' in page
        assert f'<a href="/admin/accounts/user/{shop.owner_id}/change/">alice</a>' in page
        cells = page.split("alice</a></td>")[1].split("</tr>")[0].split()
        assert cells == ["<td>2</td>", "<td>3</td>", f"<td>{today}</td>"]

    @pytest.mark.usefixtures("ending")
    def test_shows_what_nobody_calls_any_more(self, root):
        page = root.get(REPORT).content.decode()

        assert "GET /api/v1/users/{user_id}" in page
        assert "Nobody, in the past 30 days." in page

    @pytest.mark.usefixtures("ending")
    def test_shows_the_id_of_whoever_is_no_longer_there(self, root, noon):
        gone = make_principal()
        record_requests([make_fact(gone, at=noon)])

        page = root.get(REPORT).content.decode()

        assert f'/admin/accounts/user/{gone.user_id}/change/">{gone.user_id}</a>' in page
        assert "their own login" in page

    @pytest.mark.usefixtures("ending")
    def test_escapes_names(self, root, alice, noon):
        shop = make_application(alice, name="<b>Shop")
        principal = make_principal(
            user_id=alice.pk, owner_id=alice.pk, application_id=shop.pk, credential="api_key"
        )
        record_requests([make_fact(principal, at=noon)])

        page = root.get(REPORT).content.decode()

        assert "<b>Shop" not in page
        assert "&lt;b&gt;Shop" in page

    def test_says_that_nothing_is_deprecated(self, root):
        assert "No operation is deprecated." in root.get(REPORT).content.decode()

    def test_is_reached_from_usage(self, root):
        assert f'href="{REPORT}"' in root.get("/admin/developers/usageday/").content.decode()

    def test_is_for_staff_who_may_see_usage(self):
        helper = UserFactory(staff=True)
        client = Client()
        client.force_login(helper)
        assert client.get(REPORT).status_code == 403

        helper.user_permissions.add(Permission.objects.get(codename="view_usageday"))

        assert client.get(REPORT).status_code == 200
        assert Client().get(REPORT).status_code == 302


def test_the_entries_of_these_tests_are_what_they_seem():
    assert ENDING.sunset > date(2026, 1, 1) > OVER.sunset
