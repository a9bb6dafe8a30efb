"""`expand` and `fields` of applications, keys, OAuth clients and calls."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.developers.models import Application
from apps.developers.services import applications
from apps.developers.services.recording import record_requests
from tests.factories import oauth
from tests.factories.developers import (
    client_with,
    keys_url,
    login_of,
    make_application,
    make_key,
    make_plan,
)
from tests.factories.requests import make_fact, make_principal

pytestmark = pytest.mark.django_db

LIST = "/api/v1/applications"
CALLS = "/api/v1/requests"


@pytest.fixture
def shop(alice):
    """On a plan that staff gave it."""
    made = make_application(alice)
    made.plan = make_plan()
    made.save(update_fields=["plan"])
    return made


@pytest.fixture
def hers(client_of, alice):
    return client_of(alice)


def clients_url(shop, client=None):
    listing = f"{LIST}/{shop.pk}/oauth-clients"
    return listing if client is None else f"{listing}/{client.pk}"


def call_of(shop, **changes):
    principal = make_principal(
        user_id=shop.owner_id, owner_id=shop.owner_id, application_id=shop.pk, **changes
    )
    fact = make_fact(principal, at=timezone.now())
    record_requests([fact])
    return fact.request_id


def statements(client, url):
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url)
    assert response.status_code == 200, response.content
    return len(captured), response.json()


class TestExpand:
    def test_puts_the_plan_in_the_place_of_its_name(self, hers, shop):
        whole = {"name": "partner", "title": "Partner", "description": ""}

        assert hers.get(f"{LIST}/{shop.pk}").json()["plan"] == "partner"
        assert hers.get(f"{LIST}/{shop.pk}?expand=plan").json()["plan"] == whole
        assert hers.get(f"{LIST}?expand=plan").json()["results"][0]["plan"] == whole

    def test_of_nothing_is_null(self, hers, alice):
        application = make_application(alice)

        assert hers.get(f"{LIST}/{application.pk}?expand=plan").json()["plan"] is None

    def test_puts_the_application_beside_its_key(self, hers, shop):
        key = make_key(shop).row
        whole = hers.get(f"{LIST}/{shop.pk}").json()

        one = hers.get(keys_url(shop, key) + "?expand=application").json()
        listed = hers.get(keys_url(shop) + "?expand=application").json()["results"]

        assert (one["application_id"], one["application"]) == (str(shop.pk), whole)
        assert [row["application"] for row in listed] == [whole]
        assert "application" not in hers.get(keys_url(shop, key)).json()

    def test_goes_two_objects_deep_and_brings_what_lies_between(self, hers, shop):
        client = oauth.make_client(shop).client

        shown = hers.get(clients_url(shop, client) + "?expand=application.plan").json()

        assert shown["application"]["name"] == "Shop"
        assert shown["application"]["plan"]["title"] == "Partner"

    def test_finds_the_applications_of_calls(self, hers, shop, alice):
        by_shop = call_of(shop)
        record_requests([make_fact(login_of(alice), at=timezone.now())])

        one = hers.get(f"{CALLS}/{by_shop}?expand=application.plan").json()
        listed = hers.get(f"{CALLS}?expand=application&route=/api/v1/me").json()["results"]

        assert one["application"]["plan"]["name"] == "partner"
        assert [(row["application"] or {}).get("name") for row in listed] == [None, "Shop"]

    def test_shows_nothing_of_an_application_that_is_gone(self, hers, shop, alice):
        call = call_of(shop)
        applications.close_application(
            application_id=shop.pk,
            check=lambda row: None,
            actor=login_of(alice),
            now=timezone.now(),
        )

        shown = hers.get(f"{CALLS}/{call}?expand=application").json()

        assert (shown["application_id"], shown["application"]) == (str(shop.pk), None)

    def test_takes_the_scope_of_the_object(self, shop, assert_problem):
        call = call_of(shop)
        reader = client_with(make_key(shop, scopes=["usage:read"]).key)

        assert reader.get(f"{CALLS}/{call}").status_code == 200
        for url in (f"{CALLS}/{call}?expand=application", f"{CALLS}?expand=application.plan"):
            answer = reader.get(url)
            problem = assert_problem(answer, 403, "insufficient_scope")
            assert problem["required_scope"] == "applications:read"
            assert 'scope="applications:read"' in answer["WWW-Authenticate"]

    @pytest.mark.parametrize(
        "value",
        [
            "owner",
            "plan.limits",
            "application",
            "plan,",
            "Plan",
            "plan.",
            ".plan",
            "plan,owner",
            "*",
        ],
    )
    def test_of_what_is_not_in_the_list_is_400(self, hers, shop, assert_problem, value):
        answer = hers.get(f"{LIST}/{shop.pk}?expand={value}")

        assert_problem(answer, 400, "invalid_parameter", at=("expand", "invalid_choice"))

    def test_is_for_reads_alone(self, hers, shop, assert_problem):
        answer = hers.patch(f"{LIST}/{shop.pk}?expand=plan", {"name": "x"}, format="json")

        assert_problem(answer, 400, "unknown_parameter", at=("expand", "unknown_parameter"))

    @pytest.mark.parametrize("expand", ["", "?expand=application", "?expand=application.plan"])
    def test_costs_as_many_statements_for_one_as_for_fifty(self, hers, shop, expand):
        make_key(shop)
        oauth.make_client(shop)
        urls = [f"{url}{expand}" for url in (keys_url(shop), clients_url(shop), CALLS)]
        call_of(shop)
        for url in urls:
            hers.get(url)
        one = [statements(hers, url)[0] for url in urls]

        for _ in range(18):
            make_key(shop)
            oauth.make_client(shop)
            call_of(shop)

        many = [statements(hers, f"{url}{'&' if expand else '?'}limit=50") for url in urls]
        assert [count for count, _ in many] == one
        assert all(len(body["results"]) >= 19 for _, body in many)

    @pytest.mark.parametrize("more", ["", "&fields=application.name"])
    def test_of_a_call_costs_one_statement_more(self, hers, shop, more):
        url = f"{CALLS}/{call_of(shop)}"
        hers.get(url)
        without, _ = statements(hers, url)

        assert statements(hers, f"{url}?expand=application{more}")[0] == without + 1


class TestTag:
    """A strong tag: of what is shown, and of nothing that is not."""

    def test_is_another_for_each_selection(self, hers, shop):
        selections = [
            "",
            "?fields=id",
            "?fields=id,name",
            "?expand=plan",
            "?expand=plan&fields=plan",
        ]
        tags = [hers.get(f"{LIST}/{shop.pk}{query}")["ETag"] for query in selections]

        assert len(set(tags)) == len(tags)
        assert hers.get(f"{LIST}/{shop.pk}?fields=name,id")["ETag"] == tags[2]

    def test_moves_with_the_expanded_object(self, hers, shop):
        url = keys_url(shop, make_key(shop).row) + "?expand=application"
        tag = hers.get(url)["ETag"]
        assert hers.get(url, HTTP_IF_NONE_MATCH=tag).status_code == 304

        Application.objects.filter(pk=shop.pk).update(description="Sells.")

        again = hers.get(url, HTTP_IF_NONE_MATCH=tag)
        assert (again.status_code, again["ETag"] != tag) == (200, True)

    def test_moves_with_the_object_in_the_expanded_object(self, hers, shop):
        url = f"{CALLS}/{call_of(shop)}?expand=application.plan"
        tag = hers.get(url)["ETag"]

        shop.plan.title = "Partners"
        shop.plan.save(update_fields=["title"])

        assert hers.get(url, HTTP_IF_NONE_MATCH=tag).status_code == 200

    def test_stays_with_what_is_not_shown(self, hers, shop):
        issued = make_key(shop)
        url = keys_url(shop, issued.row)
        whole, part = hers.get(url)["ETag"], hers.get(f"{url}?fields=id,name")["ETag"]

        type(issued.row).objects.filter(pk=issued.row.pk).update(
            last_used_at=timezone.now(), row_version=issued.row.row_version
        )

        assert hers.get(url, HTTP_IF_NONE_MATCH=whole).status_code == 200
        assert hers.get(f"{url}?fields=id,name", HTTP_IF_NONE_MATCH=part).status_code == 304

    def test_moves_when_time_ends_a_key(self, hers, shop, a_key_that_ran_out):
        url, tag = a_key_that_ran_out

        assert hers.get(url, HTTP_IF_NONE_MATCH=tag).status_code == 200

    @pytest.fixture
    def a_key_that_ran_out(self, hers, shop):
        """A key's address, and its tag from before it ran out."""
        row = make_key(shop, expires_at=timezone.now() + timedelta(hours=1)).row
        url = keys_url(shop, row)
        live = hers.get(url)
        assert live.json()["status"] == "live"
        long_ago = timezone.now() - timedelta(days=2)
        type(row).objects.filter(pk=row.pk).update(
            created_at=long_ago,
            expires_at=long_ago + timedelta(days=1),
            row_version=row.row_version,
        )
        return url, live["ETag"]

    def test_of_a_change_is_that_of_the_next_read(self, hers, shop):
        url = keys_url(shop, make_key(shop).row)

        changed = hers.patch(url, {"name": "weekly"}, format="json")

        assert hers.get(url, HTTP_IF_NONE_MATCH=changed["ETag"]).status_code == 304

    def test_is_compared_before_anything_is_serialised(self, hers, shop, monkeypatch):
        from apps.developers.api.v1.serializers.applications import ApplicationOut

        url = f"{LIST}/{shop.pk}"
        tag = hers.get(url)["ETag"]
        monkeypatch.setattr(ApplicationOut, "to_representation", lambda *_: pytest.fail("shown"))

        assert hers.get(url, HTTP_IF_NONE_MATCH=tag).status_code == 304


class TestFields:
    def test_pick_members_of_an_expanded_object(self, hers, shop):
        url = keys_url(shop, make_key(shop).row)

        shown = hers.get(f"{url}?expand=application&fields=name,application.name").json()

        assert shown == {"name": "nightly import", "application": {"name": "Shop"}}

    def test_that_leave_the_object_out_leave_its_statement_out(self, hers, shop):
        call_of(shop)
        hers.get(CALLS)
        with_it, _ = statements(hers, f"{CALLS}?expand=application")

        without, body = statements(hers, f"{CALLS}?expand=application&fields=status")

        assert (without, body["results"]) == (with_it - 1, [{"status": 200}])

    @pytest.mark.parametrize("fields", ["application.name", "name.first", "plan.name"])
    def test_of_what_is_not_expanded_are_400(self, hers, shop, assert_problem, fields):
        answer = hers.get(f"{keys_url(shop)}?fields={fields}")

        assert_problem(answer, 400, "invalid_parameter", at=("fields", "invalid_choice"))

    def test_of_an_expanded_object_that_it_does_not_have_are_400(self, hers, shop, assert_problem):
        answer = hers.get(f"{keys_url(shop)}?expand=application&fields=application.secret")

        assert_problem(answer, 400, "invalid_parameter", at=("fields", "invalid_choice"))


class TestNarrowing:
    """SQL reads what is shown."""

    def columns(self, client, url, table):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        read = [each["sql"] for each in captured if f'FROM "{table}"' in each["sql"]]
        return read[-1].partition(" FROM ")[0]

    def test_never_brings_a_keys_digest(self, hers, shop):
        make_key(shop)

        assert "digest" not in self.columns(hers, keys_url(shop), "developers_apikey")

    def test_follows_fields(self, hers, shop):
        read = self.columns(hers, f"{LIST}?fields=name", "developers_application")

        assert [name in read for name in ('"name"', '"description"', '"website"')] == [
            True,
            False,
            False,
        ]

    def test_joins_nothing_that_is_not_shown(self, hers, shop):
        with CaptureQueriesContext(connection) as captured:
            hers.get(f"{LIST}?fields=name")

        assert not any("developers_plan" in each["sql"] for each in captured)

    def test_keeps_what_the_order_needs(self, hers, alice):
        for name in "abc":
            make_application(alice, name)

        first = hers.get(f"{LIST}?fields=id&sort=name&limit=2").json()
        with CaptureQueriesContext(connection) as captured:
            second = hers.get(first["next"]).json()

        assert (len(first["results"]), len(second["results"])) == (2, 1)
        assert sum("developers_application" in each["sql"] for each in captured) == 1


class TestCursor:
    def test_keeps_what_is_expanded(self, hers, shop):
        for _ in range(3):
            make_key(shop)
        first = hers.get(f"{keys_url(shop)}?limit=2&expand=application").json()

        second = hers.get(first["next"]).json()

        assert second["results"][0]["application"]["name"] == "Shop"

    def test_is_for_the_same_expansion(self, hers, shop, assert_problem):
        for _ in range(3):
            make_key(shop)
        first = hers.get(f"{keys_url(shop)}?limit=2").json()

        answer = hers.get(first["next"] + "&expand=application")

        assert_problem(answer, 400, "invalid_cursor")
