"""docs/subsystems/pagination.md, filters, search, sorting, fields."""

import pytest

from core.models import OutboxEvent
from tests.core.api.entries import entry

pytestmark = pytest.mark.django_db

URL = "/api/v1/entries"


@pytest.fixture(autouse=True)
def _rows():
    for action, kind, name in [
        ("made", "a", "Ada Lovelace"),
        ("made", "b", "100% _under_"),
        ("gone", "a", "O'Neil (x.*)"),
    ]:
        entry(action, object_type=kind, name=name).save()


def names(response):
    assert response.status_code == 200, response.content
    return {row["name"].split()[0] for row in response.json()["results"]}


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("action=made", {"Ada", "100%"}),
            ("action=made&object_type=b", {"100%"}),
            ("action__in=made,gone", {"Ada", "100%", "O'Neil"}),
            ("action__in=gone", {"O'Neil"}),
            ("created_at__lt=2020-01-01T00:00:00Z", set()),
            ("created_at__gte=2020-01-01T00:00:00Z", {"Ada", "100%", "O'Neil"}),
            ("created_at__gte=2020-01-01T00:00:00%2B01:00", {"Ada", "100%", "O'Neil"}),
            ("action=%27%3B+DROP+TABLE+x--", set()),
            ("is_sent=true", set()),
            ("is_sent=false", {"Ada", "100%", "O'Neil"}),
        ],
    )
    def test_narrow_the_list(self, anyone, query, found):
        assert names(anyone.get(f"{URL}?{query}")) == found

    @pytest.mark.parametrize(
        ("query", "at"),
        [
            ("object_type=c", ("object_type", "invalid_choice")),
            ("created_at__lt=yesterday", ("created_at__lt", "invalid")),
            ("created_at__lt=2020-01-01T00:00:00", ("created_at__lt", "invalid")),
            ("created_at__lt=2020-01-01", ("created_at__lt", "invalid")),
            ("action__in=made,", ("action__in", "blank")),
            ("action=", ("action", "blank")),
            ("action=a&action=b", ("action", "duplicate")),
            ("action__in=" + ",".join("x" * 101), ("action__in", "max_length")),
            *(
                (f"is_sent={value}", ("is_sent", "invalid"))
                for value in ["x", "1", "0", "2", "TRUE", "True", "False", "null", "unknown", "+"]
            ),
        ],
    )
    def test_with_a_value_they_cannot_have_are_400(self, anyone, assert_problem, query, at):
        assert_problem(anyone.get(f"{URL}?{query}"), 400, "invalid_parameter", at=at)

    def test_a_hundred_values_are_taken(self, anyone):
        assert names(anyone.get(f"{URL}?action__in={','.join('x' * 100)}")) == set()

    @pytest.mark.parametrize(
        "name", ["actor_name", "last_error", "action__regex", "id", "page", "ordering", "q"]
    )
    def test_that_the_view_does_not_have_are_400(self, anyone, assert_problem, name):
        assert_problem(
            anyone.get(f"{URL}?{name}=1"), 400, "unknown_parameter", at=(name, "unknown_parameter")
        )


class TestSearch:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("ada", {"Ada"}),
            ("LOVE+ada", {"Ada"}),
            ("made", {"Ada", "100%"}),
            ("made+ada", {"Ada"}),
            ("ada+gone", set()),
            ("%25", {"100%"}),
            ("_", {"100%"}),
            ("x.*", {"O'Neil"}),
            (".*", {"O'Neil"}),
            ("(", {"O'Neil"}),
            ("'", {"O'Neil"}),
            ("%5C", set()),
            ("+", {"Ada", "100%", "O'Neil"}),
        ],
    )
    def test_finds_rows_with_every_word_taken_literally(self, anyone, text, found):
        assert names(anyone.get(f"{URL}?search={text}")) == found

    @pytest.mark.parametrize("text", ["x" * 201, "+".join("abcdefghi")])
    def test_too_long_is_400(self, anyone, assert_problem, text):
        assert_problem(
            anyone.get(f"{URL}?search={text}"),
            400,
            "invalid_parameter",
            at=("search", "max_length"),
        )


class TestSort:
    @pytest.mark.parametrize(
        "sort",
        ["user__password", "id", "-", "--action", "action,action", "action,-action", "action,"],
    )
    def test_by_something_else_is_400(self, anyone, assert_problem, sort):
        assert_problem(
            anyone.get(f"{URL}?sort={sort}"),
            400,
            "invalid_parameter",
            at=("sort", "invalid_choice"),
        )

    def test_by_a_public_name_orders_by_its_column(self, anyone):
        answer = anyone.get(URL + "?sort=-name").json()["results"]

        assert [row["name"].split()[0] for row in answer] == ["O'Neil", "Ada", "100%"]


class TestFields:
    def test_picks_members_of_a_list(self, anyone):
        rows = anyone.get(URL + "?fields=action,id").json()["results"]

        assert [list(row) for row in rows] == [["id", "action"]] * 3

    def test_picks_members_of_one_row_under_an_etag_of_its_own(self, anyone):
        key = OutboxEvent.objects.first().id
        whole, part = anyone.get(f"{URL}/{key}"), anyone.get(f"{URL}/{key}?fields=id")

        assert part.json() == {"id": str(key)}
        assert whole["ETag"] != part["ETag"]

    def test_of_an_object_that_comes_whole_cannot_be_picked(self, anyone):
        answer = anyone.get(URL + "?fields=action.name").json()

        assert answer["detail"] == "Members of action can be had only as a whole: action."

    @pytest.mark.parametrize("fields", ["nothing", "id,", "id,reason", "id__x"])
    def test_that_do_not_exist_are_400(self, anyone, assert_problem, fields):
        assert_problem(
            anyone.get(f"{URL}?fields={fields}"),
            400,
            "invalid_parameter",
            at=("fields", "invalid_choice"),
        )
