"""Every list with the queries that nobody should send: each is a 400 that names its parameter.

Generated from the router and the schema: reliability's table B, rows 47 to 53.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.contracts.calling import send
from tests.contracts.objects import stage, whoever_may
from tests.contracts.routes import OPERATIONS
from tests.contracts.rows import ROWS

LISTS = tuple(
    operation
    for operation in OPERATIONS
    if operation.method == "GET"
    and {"limit", "cursor"} <= {p["name"] for p in operation.schema.get("parameters", [])}
)
HUGE = 10**30
WRONG_LIMITS = ("0", "-1", "1.5", "abc", "", "٣", "NaN")
LARGE_LIMITS = ("101", "1000000000", "9" * 1_000)  # as good as 100
WRONG_SORTS = ("nonsense", "user__password", "-", "pk", "created_at,,", "created_at;drop")
WRONG_TIMES = ("NaN", "yesterday", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00", "1e9", "")
WRONG_TIMES += ("0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00")  # no such year in UTC
FAR_OFF = "2026-01-01T00:00:00-22:21"  # an offset of RFC 3339 that PostgreSQL does not take
WRONG_NUMBERS = ("NaN", "1e9999999", "Infinity", "abc", "1.5", "")
NUL = "a\x00b"


@pytest.fixture
def ask(cast):
    """`ask(operation, **query)`: what the list answers to whoever may read it."""

    paths = {}

    def call(operation, *, as_actor=None, path=None, **query):
        if path is None:
            if str(operation) not in paths:
                paths[str(operation)] = operation.route.path(stage(cast, operation.route))
            path = paths[str(operation)]
        actor = as_actor or whoever_may(cast, operation)
        return send(actor.token, "GET", f"{path}?{urlencode(query)}")

    return call


def parameters_of(operation):
    shown = (p for p in operation.schema["parameters"] if p["in"] == "query")
    return {p["name"]: p["schema"] for p in shown}


def of_format(operation, kind):
    """Names of the filters that take a value of a format or type."""
    return sorted(
        name
        for name, schema in parameters_of(operation).items()
        if kind in {schema.get("format"), schema.get("type")} and name != "limit"
    )


def assert_names(response, name):
    """It is a 400 that says which parameter is wrong."""
    assert response.status_code == 400, (name, response.content)
    named = {error.get("parameter") for error in response.json()["errors"]}
    assert named == {name}, response.content


def assert_no_cursor(response):
    assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.django_db
@pytest.mark.parametrize("operation", LISTS, ids=str)
class TestLists:
    def test_an_unknown_parameter_is_named(self, operation, ask):
        for name in ("nonsense", "page", "user__password", "status[]"):
            assert_names(ask(operation, **{name: "1"}), name)

    def test_a_parameter_comes_once(self, operation, ask, cast):
        path = operation.route.path(stage(cast, operation.route))
        actor = whoever_may(cast, operation)

        assert_names(send(actor.token, "GET", f"{path}?limit=1&limit=2"), "limit")

    def test_a_wrong_limit_is_refused_and_a_large_one_is_cut(self, operation, ask):
        for value in WRONG_LIMITS:
            assert_names(ask(operation, limit=value), "limit")
        for value in LARGE_LIMITS:
            assert ask(operation, limit=value).status_code == 200, value

    def test_a_cursor_that_was_not_given_is_refused(self, operation, ask):
        for value in ("abc", "x" * 1_000, "eyJhIjoxfQ:1:2", "ⅷ"):
            assert_no_cursor(ask(operation, cursor=value))

    def test_a_sort_by_what_is_not_offered_is_refused(self, operation, ask):
        for value in WRONG_SORTS:
            assert_names(ask(operation, sort=value), "sort")

    def test_a_search_is_a_text_of_some_words(self, operation, ask):
        if "search" not in parameters_of(operation):
            assert_names(ask(operation, search="x"), "search")
            return
        for value in ("x" * 201, "word " * 39 + "word"):
            assert_names(ask(operation, search=value), "search")
        assert ask(operation, search=NUL).status_code == 400
        for literal in ("%", "%_", "\\", "(.*)+$", "' OR 1=1 --"):
            assert ask(operation, search=literal).json()["results"] == [], literal

    def test_a_time_has_an_offset_and_a_number_is_one(self, operation, ask):
        for name in of_format(operation, "date-time"):
            for value in WRONG_TIMES:
                assert_names(ask(operation, **{name: value}), name)
            assert ask(operation, **{name: FAR_OFF}).status_code == 200
        for name in of_format(operation, "integer"):
            for value in WRONG_NUMBERS:
                assert_names(ask(operation, **{name: value}), name)
            assert ask(operation, **{name: HUGE}).status_code in {200, 400}
        for name in of_format(operation, "uuid"):
            for value in ("1", "", "0" * 33):
                assert_names(ask(operation, **{name: value}), name)


@pytest.mark.django_db
@pytest.mark.parametrize("operation", LISTS, ids=str)
def test_a_cursor_is_good_for_its_list_its_filters_and_its_caller_alone(operation, cast, ask):
    if operation.route.text not in ROWS:
        pytest.skip("nothing fills it")
    arguments = ROWS[operation.route.text](cast, 3)
    path, owner = operation.route.path(arguments), whoever_may(cast, operation)
    page = ask(operation, as_actor=owner, path=path, limit=1).json()
    cursor = parse_qs(urlsplit(page["next"]).query)["cursor"][0]

    assert ask(operation, as_actor=owner, path=path, cursor=cursor, limit=1).status_code == 200
    for wrong in (cursor[:-1], cursor[1:], cursor.swapcase()):
        assert_no_cursor(ask(operation, as_actor=owner, path=path, cursor=wrong))
    more = next(iter(set(parameters_of(operation)) & {"created_at__gte", "occurred_at__gte"}), None)
    if more is not None:
        filters = {more: "2020-01-01T00:00:00Z", "cursor": cursor}
        assert_no_cursor(ask(operation, as_actor=owner, path=path, **filters))
    other = cast.login("another user", cast.mallory)
    stolen = ask(operation, as_actor=other, path=path, cursor=cursor)
    assert stolen.status_code in {400, 403, 404}, stolen.content  # 403: the list is staff's
