"""docs/guides/versioning.md: what a caller is told of an operation that is on its way out."""

import json
from contextlib import redirect_stderr
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from uuid import UUID

import pytest
from drf_spectacular.generators import SchemaGenerator
from openapi_spec_validator import OpenAPIV31SpecValidator

from core.api.deprecation import DeprecatedOperation, Deprecation, deprecated_operations
from tests.contracts.schema_differ import breaking_changes
from tests.core.api.deprecated_urls import CALLS, ENDING, ENDING_LIST, OVER, OVER_FOR_GOOD
from tests.core.api.entries import entry

URLS = "tests.core.api.deprecated_urls"
GUIDE_LINK = '</docs/moving>; rel="deprecation"; type="text/html"'


@pytest.fixture(autouse=True)
def _views(settings):
    settings.ROOT_URLCONF = URLS
    CALLS.clear()


@pytest.fixture(scope="module")
def schema():
    with redirect_stderr(StringIO()):  # the test views describe no bodies
        document = SchemaGenerator(urlconf=URLS).get_schema(request=None, public=True)
    return json.loads(json.dumps(document, default=str))


@pytest.fixture
def old(caller):
    """A caller who may do everything."""
    return caller("profile:write")


class TestAnnounce:
    def test_says_since_when_until_when_where_to_read_and_what_to_call(self, anyone):
        response = anyone.put("/api/v1/old/a b", "{}", "application/json")

        assert response.status_code == 201
        assert response["Deprecation"] == "@1614556800"
        assert response["Sunset"] == "Thu, 31 Dec 2099 00:00:00 GMT"
        assert response["Link"] == (f'{GUIDE_LINK}, </api/v1/notes/a%20b>; rel="successor-version"')

    def test_times_are_those_of_the_deprecation(self, anyone):
        response = anyone.put("/api/v1/old/1", "{}", "application/json")

        since = datetime.fromtimestamp(int(response["Deprecation"].removeprefix("@")), UTC)
        assert since.date() == ENDING.since

    def test_says_it_on_refusals_as_well(self, anyone, assert_problem):
        response = anyone.put("/api/v1/old/1?what=1", "{}", "application/json")

        assert_problem(response, 400, "unknown_parameter")
        assert response["Deprecation"] == "@1614556800"

    def test_says_nothing_of_an_operation_that_stays(self, anyone):
        response = anyone.get("/api/v1/old/1")

        assert CALLS == ["get"]
        assert not {"Deprecation", "Sunset", "Link"} & response.headers.keys()

    @pytest.mark.django_db
    def test_stands_beside_the_links_of_a_list(self, anyone):
        for _ in range(2):
            entry().save()

        response = anyone.get("/api/v1/entries?limit=1")

        pages, guide, successor = response["Link"].split(", ")
        assert pages == f'<{response.json()["next"]}>; rel="next"'
        assert (guide, successor) == (
            GUIDE_LINK,
            '</api/v1/notes>; rel="successor-version"',
        )

    @pytest.mark.django_db
    @pytest.mark.parametrize("method", ["get", "head"])
    def test_is_said_on_304_and_to_head(self, anyone, method):
        row = entry()
        row.save()
        url = f"/api/v1/entries/{row.id}"
        etag = anyone.get(url)["ETag"]

        response = getattr(anyone, method)(url, headers={"If-None-Match": etag})

        assert response.status_code == 304
        assert response["Sunset"] == "Thu, 31 Dec 2099 00:00:00 GMT"
        assert f'</api/v1/notes/{row.id}>; rel="successor-version"' in response["Link"]

    def test_is_not_said_to_options(self, anyone):
        assert "Deprecation" not in anyone.options("/api/v1/old/1").headers


class TestRefuseRetired:
    def test_answers_410_with_the_successor_and_does_no_work(self, old, assert_problem):
        response = old.post("/api/v1/old/1", "no JSON at all", "text/plain")

        problem = assert_problem(response, 410, "endpoint_retired")
        assert problem["successor"] == "/api/v1/new"
        assert problem["detail"] == (
            "It was to be used until 2021-01-01. Call /api/v1/new instead."
        )
        assert CALLS == []

    def test_keeps_the_headers_and_is_counted_in_the_limits(self, old):
        response = old.post("/api/v1/old/1", "{}", "application/json")

        assert response["Sunset"] == "Fri, 01 Jan 2021 00:00:00 GMT"
        assert '</api/v1/new>; rel="successor-version"' in response["Link"]
        assert "RateLimit" in response.headers

    def test_asks_who_calls_first(self, anyone, caller, assert_problem):
        assert_problem(anyone.post("/api/v1/old/1"), 401, "not_authenticated")
        assert_problem(caller().post("/api/v1/old/1"), 403, "insufficient_scope")

    def test_needs_no_code_behind_it_any_more(self, old, assert_problem):
        response = old.delete("/api/v1/old/1")

        problem = assert_problem(response, 410, "endpoint_retired")
        assert "successor" not in problem
        assert problem["detail"] == "It was to be used until 2021-01-01."

    def test_other_methods_of_the_route_go_on(self, old):
        assert old.get("/api/v1/old/1").status_code == 200


class TestDeprecation:
    def test_ends_when_its_last_day_begins(self):
        last = datetime(2099, 12, 31, tzinfo=UTC)

        assert not ENDING.has_ended(last - timedelta(microseconds=1))
        assert ENDING.has_ended(last)

    def test_gives_half_a_year_at_least(self):
        with pytest.raises(ValueError, match="less than 180 days from 2026-01-01 to 2026-06-29"):
            Deprecation(since=date(2026, 1, 1), sunset=date(2026, 6, 29))

        assert Deprecation(since=date(2026, 1, 1), sunset=date(2026, 6, 30)).successor is None

    def test_fills_in_the_arguments_of_the_route(self):
        uuid = UUID(int=7)

        assert ENDING.successor_of({"pk": uuid}) == f"/api/v1/notes/{uuid}"
        assert ENDING.successor_of({"id": "ü/x"}) == "/api/v1/notes/%C3%BC%2Fx"
        assert OVER_FOR_GOOD.successor_of({"pk": 1}) is None


class TestDeprecatedOperations:
    def test_are_read_off_the_routes_the_next_to_go_first(self):
        assert deprecated_operations(URLS) == (
            DeprecatedOperation("DELETE", "/api/v1/old/{id}", OVER_FOR_GOOD),
            DeprecatedOperation("POST", "/api/v1/old/{id}", OVER),
            DeprecatedOperation("GET", "/api/v1/entries", ENDING_LIST),
            DeprecatedOperation("GET", "/api/v1/entries/{id}", ENDING),
            DeprecatedOperation("PUT", "/api/v1/old/{id}", ENDING),
        )

    def test_name_head_no_second_time(self, anyone):
        anyone.get("/api/v1/old/1")
        deprecated_operations.cache_clear()

        assert {operation.method for operation in deprecated_operations(URLS)} == {
            "GET",
            "POST",
            "PUT",
            "DELETE",
        }


class TestSchema:
    def test_marks_what_is_deprecated(self, schema):
        put = schema["paths"]["/api/v1/old/{id}"]["put"]

        assert put["deprecated"] is True
        assert put["x-deprecated-since"] == "2021-03-01"
        assert put["x-sunset"] == "2099-12-31"
        assert put["x-successor"] == "/api/v1/notes/{id}"
        assert put["description"].endswith(
            "Deprecated since 2021-03-01, gone on 2099-12-31. Use `/api/v1/notes/{id}` instead."
        )
        assert "deprecated" not in schema["paths"]["/api/v1/old/{id}"]["get"]

    def test_shows_410_and_the_headers_of_every_answer(self, schema):
        answers = schema["paths"]["/api/v1/old/{id}"]["put"]["responses"]

        shown = answers["410"]["content"]["application/problem+json"]["examples"]
        assert shown.keys() == {"endpoint_retired"}
        for status in ("200", "400", "410"):
            assert answers[status]["headers"].keys() >= {"Deprecation", "Sunset", "Link"}
        assert "410" not in schema["paths"]["/api/v1/old/{id}"]["get"]["responses"]

    def test_marks_parameters_and_members(self, schema):
        listing = schema["paths"]["/api/v1/entries"]["get"]
        parameters = {p["name"]: p for p in listing["parameters"]}
        members = next(
            component["properties"]
            for component in schema["components"]["schemas"].values()
            if {"name", "action"} <= component.get("properties", {}).keys()
        )

        assert parameters["object_type"]["x-sunset"] == "2099-12-31"
        assert "deprecated" not in parameters["action"]
        assert members["name"]["deprecated"] is True
        assert members["name"]["description"] == (
            "Deprecated since 2021-03-01, gone on 2099-12-31. Use `action` instead."
        )

    def test_is_valid(self, schema):
        assert list(OpenAPIV31SpecValidator(schema).iter_errors()) == []

    def test_lets_go_what_is_past_its_sunset_and_nothing_before(self, schema):
        present = {**schema, "paths": {}}

        gone = {
            today: sorted(change.where for change in breaking_changes(schema, present, today=today))
            for today in (date(2020, 12, 31), date(2026, 1, 1), date(2099, 12, 31))
        }

        stays = "GET /api/v1/old/{id}"
        entries = ["GET /api/v1/entries", "GET /api/v1/entries/{id}"]
        assert gone == {
            date(2020, 12, 31): [
                "DELETE /api/v1/old/{id}",
                *entries,
                stays,
                "POST /api/v1/old/{id}",
                "PUT /api/v1/old/{id}",
            ],
            date(2026, 1, 1): [*entries, stays, "PUT /api/v1/old/{id}"],
            date(2099, 12, 31): [stays],
        }
