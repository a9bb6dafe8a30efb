"""docs/subsystems/pagination.md, case by case."""

import base64
import random
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.api.cursors import Cursor
from core.api.refusals import InvalidCursorError
from core.models import OutboxEvent
from tests.core.api.callers import ALICE, BOB
from tests.core.api.entries import entry

pytestmark = pytest.mark.django_db

URL = "/api/v1/entries"
DAY = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ["", "a", "b", "B", "é", "zz"]


def make(number=1, **fields):
    return OutboxEvent.objects.bulk_create(entry(**fields) for _ in range(number))


def ids(answer):
    return [UUID(row["id"]) for row in answer["results"]]


def walk(client, url, *, link="next", between=lambda: None):
    """Every page from a URL on, in the order of the walk."""
    pages = []
    while url is not None:
        response = client.get(url)
        assert response.status_code == 200, response.content
        pages.append(response.json())
        url = pages[-1][link]
        between()
        assert len(pages) < 200
    return pages


class TestPage:
    def test_is_results_next_and_previous(self, anyone):
        make(3)

        answer = anyone.get(URL).json()

        assert list(answer) == ["results", "next", "previous"]
        assert (len(answer["results"]), answer["next"], answer["previous"]) == (3, None, None)
        assert "Link" not in anyone.get(URL)

    def test_of_nothing_is_empty(self, anyone):
        assert anyone.get(URL).json() == {"results": [], "next": None, "previous": None}

    def test_links_are_in_the_header_too(self, anyone):
        make(5)
        first = anyone.get(URL + "?limit=2")
        second = anyone.get(first.json()["next"])

        assert first["Link"] == f'<{first.json()["next"]}>; rel="next"'
        links = second.json()
        assert second["Link"] == f'<{links["next"]}>; rel="next", <{links["previous"]}>; rel="prev"'
        assert links["next"].startswith("http://testserver/api/v1/entries?")

    def test_keeps_filters_and_limit_in_its_links(self, anyone):
        make(5, action="kept")
        make(5, action="other")

        pages = walk(anyone, URL + "?limit=2&action=kept&sort=action")

        assert [len(page["results"]) for page in pages] == [2, 2, 1]
        query = parse_qs(urlsplit(pages[0]["next"]).query)
        assert (query["limit"], query["action"], query["sort"]) == (["2"], ["kept"], ["action"])

    def test_total_is_counted_on_request_only(self, anyone, django_assert_num_queries):
        make(5)
        with django_assert_num_queries(1):
            plain = anyone.get(URL + "?limit=2").json()
        with django_assert_num_queries(2):
            counted = anyone.get(URL + "?limit=2&include=total").json()

        assert ("total" in plain, counted["total"]) == (False, 5)

    def test_previous_of_the_second_page_is_the_first(self, anyone):
        make(5)
        first = anyone.get(URL + "?limit=2").json()
        second = anyone.get(first["next"]).json()

        back = anyone.get(second["previous"]).json()

        assert (ids(back), back["previous"]) == (ids(first), None)
        assert ids(anyone.get(back["next"]).json()) == ids(second)

    def test_emptied_meanwhile_still_leads_back(self, anyone):
        make(4)
        first = anyone.get(URL + "?limit=2").json()
        OutboxEvent.objects.exclude(id__in=ids(first)).delete()

        empty = anyone.get(first["next"]).json()

        assert (empty["results"], empty["next"]) == ([], None)
        back = anyone.get(empty["previous"]).json()
        assert (ids(back), back["previous"]) == (ids(first), None)


class TestLimit:
    @pytest.mark.parametrize(
        ("limit", "rows"),
        [
            (None, 20),
            ("1", 1),
            ("007", 7),
            ("100", 100),
            ("101", 100),
            ("1" + "0" * 30, 100),
            ("9" * 3_000, 100),
        ],
    )
    def test_is_20_by_default_and_coerced_to_100(self, anyone, limit, rows):
        make(102)
        query = "" if limit is None else f"?limit={limit}"

        assert len(anyone.get(URL + query).json()["results"]) == rows

    @pytest.mark.parametrize(
        "limit", ["0", "000", "-1", "1.0", "1e1", "abc", "%D9%A1", "%2B1", "+1", "1_0", " 1"]
    )
    def test_below_1_or_no_number_is_400(self, anyone, assert_problem, limit):
        assert_problem(
            anyone.get(f"{URL}?limit={limit}"), 400, "invalid_parameter", at=("limit", "min_value")
        )

    def test_include_takes_total_alone(self, anyone, assert_problem):
        assert_problem(
            anyone.get(URL + "?include=all"),
            400,
            "invalid_parameter",
            at=("include", "invalid_choice"),
        )


class TestCursor:
    def next_cursor(self, client, query="?limit=1"):
        return parse_qs(urlsplit(client.get(URL + query).json()["next"]).query)["cursor"][0]

    @pytest.fixture(autouse=True)
    def _rows(self, anyone):
        make(4)

    def test_is_opaque_text_for_a_url(self, anyone):
        assert self.next_cursor(anyone).replace("-", "").replace("_", "").isalnum()

    @pytest.mark.parametrize("position", [0, 1, 20, 30, 50, -1])
    def test_changed_anywhere_is_400(self, anyone, assert_problem, position):
        cursor = self.next_cursor(anyone)
        raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        raw[position] ^= 1
        forged = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")

        assert_problem(anyone.get(f"{URL}?limit=1&cursor={forged}"), 400, "invalid_cursor")

    @pytest.mark.parametrize("cursor", ["x", "!!!", "AAAA", "A" * 3_000, "%D9%A1", "=", "e30"])
    def test_made_up_is_400(self, anyone, assert_problem, cursor):
        assert_problem(anyone.get(f"{URL}?cursor={cursor}"), 400, "invalid_cursor")

    def test_cut_short_is_400(self, anyone, assert_problem):
        cursor = self.next_cursor(anyone)

        for length in range(1, len(cursor), 7):
            response = anyone.get(f"{URL}?limit=1&cursor={cursor[:length]}")
            assert_problem(response, 400, "invalid_cursor")

    @pytest.mark.parametrize("query", ["?sort=action", "?action=x", "?object_type=a", "?search=x"])
    def test_of_another_list_is_400(self, anyone, assert_problem, query):
        cursor = self.next_cursor(anyone)

        assert_problem(anyone.get(f"{URL}{query}&cursor={cursor}"), 400, "invalid_cursor")

    def test_of_another_caller_is_400(self, caller, assert_problem):
        cursor = self.next_cursor(caller())

        assert caller().get(f"{URL}?cursor={cursor}").status_code == 200
        assert_problem(caller(user_id=BOB).get(f"{URL}?cursor={cursor}"), 400, "invalid_cursor")
        assert ALICE != BOB

    def test_may_go_with_another_limit_and_other_fields(self, anyone):
        cursor = self.next_cursor(anyone)

        answer = anyone.get(f"{URL}?limit=3&fields=id&cursor={cursor}").json()
        assert [list(row) for row in answer["results"]] == [["id"]] * 3

    def test_outlives_a_new_key_as_long_as_the_old_is_listed(
        self, anyone, settings, assert_problem
    ):
        cursor = self.next_cursor(anyone)
        settings.CURSOR_KEYS = ["n" * 40, *settings.CURSOR_KEYS]
        assert anyone.get(f"{URL}?cursor={cursor}").status_code == 200
        settings.CURSOR_KEYS = settings.CURSOR_KEYS[:1]

        assert_problem(anyone.get(f"{URL}?cursor={cursor}"), 400, "invalid_cursor")

    @given(
        st.lists(
            st.none()
            | st.booleans()
            | st.integers(-(2**53), 2**53)
            | st.text(st.characters(codec="utf-8"))
        ),
        st.booleans(),
        st.booleans(),
    )
    @hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    def test_comes_back_as_it_was(self, values, backwards, includes):
        cursor = Cursor(tuple(values), backwards, includes)

        assert Cursor.decode(cursor.encode(b"12345678"), b"12345678") == cursor
        with pytest.raises(InvalidCursorError):
            Cursor.decode(cursor.encode(b"12345678"), b"12345679")


SORTS = [
    "created_at",
    "-created_at",
    "actor",
    "-actor",
    "actor,-name",
    "-actor,created_at",
    "name,kind,-action",
]


@pytest.mark.parametrize("sort", SORTS)
class TestWalk:
    """Random rows with ties and nulls; every order, mixed directions, both ways."""

    def rows(self, seed, number=40):
        chance = random.Random(seed)  # noqa: S311 - the same rows each time
        people = [None, None, UUID(int=1), UUID(int=2), UUID(int=2**127)]
        rows = OutboxEvent.objects.bulk_create(
            entry(
                chance.choice("xyz"),
                object_type=chance.choice("ab"),
                actor_id=chance.choice(people),
                name=chance.choice(NAMES),
                created_at=DAY + timedelta(microseconds=chance.randrange(5)),
            )
            for _ in range(number)
        )
        return {row.id for row in rows}

    @pytest.mark.parametrize("limit", [1, 7, 40])
    def test_meets_every_row_once_in_order(self, anyone, sort, limit):
        rows = self.rows(seed=limit)
        whole = ids(anyone.get(f"{URL}?limit=100&sort={sort}").json())

        pages = walk(anyone, f"{URL}?limit={limit}&sort={sort}")

        met = [pk for page in pages for pk in ids(page)]
        assert set(met) == rows
        assert met == whole

    def test_back_meets_the_same_pages(self, anyone, sort):
        self.rows(seed=3)
        there = walk(anyone, f"{URL}?limit=7&sort={sort}")

        back = walk(anyone, there[-1]["previous"], link="previous")

        met = [pk for page in reversed(back) for pk in ids(page)]
        assert met == [pk for page in there[:-1] for pk in ids(page)]

    def test_under_inserts_and_deletions_meets_every_row_that_stayed_once(self, anyone, sort):
        stayed = self.rows(seed=4)
        chance = random.Random(5)  # noqa: S311 - the same rows each time

        def disturb():
            new = self.rows(seed=chance.random(), number=3)
            OutboxEvent.objects.filter(id__in=list(new)[:1]).delete()

        pages = walk(anyone, f"{URL}?limit=9&sort={sort}", between=disturb)[:100]

        met = [pk for page in pages for pk in ids(page)]
        assert len(met) == len(set(met))
        assert stayed <= set(met)
