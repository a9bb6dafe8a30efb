"""docs/subsystems/pagination.md, filters by declaration: every operator and every bad value."""

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote
from uuid import UUID

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.api.refusals import InvalidParameterError
from core.api.typed_filters import (
    BOOLEAN,
    EXACT,
    ID,
    NULL,
    NUMBER,
    ONE_OF,
    PART,
    RANGE,
    TEXT,
    TIME,
    Typed,
    TypedFilterSet,
    choice,
    integer,
)
from core.models import OutboxEvent
from tests.core.api.entries import entry

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ACTORS = [None, UUID(int=1), UUID(int=2)]
ALL = ("exact", "in", "gt", "gte", "lt", "lte", "isnull", "contains")


class Entries(TypedFilterSet):
    typed = (
        Typed("name", TEXT, ONE_OF + PART + RANGE, "last_error"),
        Typed("kind", choice(["a", "b"]), ONE_OF, "object_type"),
        Typed("tries", integer(0, 99), ONE_OF + RANGE, "attempts"),
        Typed("actor", ID, ONE_OF + NULL, "actor_id"),
        Typed("created_at", TIME, RANGE),
        Typed("published_at", TIME, RANGE + NULL),
    )


def narrow(query, rows=None):
    rows = OutboxEvent.objects.all() if rows is None else rows
    return Entries.narrow(rows, QueryDict(query))


def faults_of(query):
    with pytest.raises(InvalidParameterError) as refused:
        narrow(query)
    return {fault.parameter: fault.code for fault in refused.value.errors}


COMPARE = {
    "": lambda have, asked: have == asked,
    "__gt": lambda have, asked: have > asked,
    "__gte": lambda have, asked: have >= asked,
    "__lt": lambda have, asked: have < asked,
    "__lte": lambda have, asked: have <= asked,
}


@pytest.mark.django_db
class TestOperators:
    """Each against the same question asked in Python."""

    @pytest.fixture(autouse=True)
    def _rows(self):
        OutboxEvent.objects.bulk_create(
            entry(
                object_type="ab"[number % 2],
                name=["", "Ada", "ada love", "100%", "a_b", "É"][number % 6],
                actor_id=ACTORS[number % 3],
                attempts=number % 5,
                published_at=None if number % 4 else NOON + timedelta(hours=number),
            )
            for number in range(24)
        )

    def found(self, query):
        return sorted(row.position for row in narrow(query))

    def wanted(self, accepts):
        return sorted(row.position for row in OutboxEvent.objects.all() if accepts(row))

    @pytest.mark.parametrize("operator", COMPARE)
    @pytest.mark.parametrize("value", range(6))
    def test_of_whole_numbers(self, operator, value):
        answer = self.found(f"tries{operator}={value}")

        assert answer == self.wanted(lambda row: COMPARE[operator](row.attempts, value))

    @pytest.mark.parametrize("operator", ["__gt", "__gte", "__lt", "__lte"])
    @pytest.mark.parametrize("hours", [0, 4, 5, 20, 30])
    def test_of_times(self, operator, hours):
        moment = NOON + timedelta(hours=hours)

        answer = self.found(f"published_at{operator}={quote(moment.isoformat())}")

        assert answer == self.wanted(
            lambda row: row.published_at and COMPARE[operator](row.published_at, moment)
        )

    def test_of_times_with_another_offset_mean_the_same_moment(self):
        there = self.found("published_at__gte=2026-06-01T16:00:00%2B04:00")

        assert there == self.found("published_at__gte=2026-06-01T12:00:00Z") != []

    @pytest.mark.parametrize("value", ["Ada", "ada", "100%", "_", "%", "É", "é", "a_b", "x"])
    def test_of_parts_take_them_literally_whatever_the_case(self, value):
        answer = self.found(f"name__contains={quote(value)}")

        assert answer == self.wanted(lambda row: value.lower() in row.last_error.lower())

    @pytest.mark.parametrize("value", ["Ada", "ada", " Ada", "100%"])
    def test_of_texts_take_them_exactly(self, value):
        assert self.found(f"name={quote(value)}") == self.wanted(
            lambda row: row.last_error == value
        )

    @pytest.mark.parametrize("values", [[1], [0, 4], [7], [1, 1]])
    def test_of_lists_take_any_of_them(self, values):
        answer = self.found(f"tries__in={','.join(map(str, values))}")

        assert answer == self.wanted(lambda row: row.attempts in values)

    @pytest.mark.parametrize("is_null", [True, False])
    def test_of_nothing(self, is_null):
        answer = self.found(f"actor__isnull={str(is_null).lower()}")

        assert answer == self.wanted(lambda row: (row.actor_id is None) == is_null)

    def test_of_ids(self):
        assert self.found(f"actor={ACTORS[1]}") == self.wanted(
            lambda row: row.actor_id == ACTORS[1]
        )
        assert self.found(f"actor__in={ACTORS[1]},{ACTORS[2]}") == self.wanted(
            lambda row: row.actor_id is not None
        )

    def test_all_hold_together(self):
        answer = self.found("kind=a&tries__gte=2&actor__isnull=false")

        assert answer == self.wanted(
            lambda row: row.object_type == "a" and row.attempts >= 2 and row.actor_id is not None
        )


TEXTS = st.text(max_size=40)
OFFSETS = st.integers(-1_439, 1_439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def is_refused(kind, text):
    try:
        kind.parse(text)
    except (ValueError, KeyError):
        return True
    return False


class TestValues:
    """None of these reaches the database: what cannot be is refused, and nothing else is."""

    @given(TEXTS)
    @example("5 ")
    @example("٣")
    @example("1_0")
    @example("+5")
    @example("5.0")
    @example("100")
    @example("-0")
    def test_of_whole_numbers_are_plain_digits_in_their_range(self, text):
        kind = integer(0, 99)
        good = text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()
        if good and len(text) < 20 and 0 <= int(text) <= 99:
            assert kind.parse(text) == int(text)
        else:
            assert is_refused(kind, text)

    @given(st.integers(-10, 110))
    def test_of_whole_numbers_have_both_ends_in_their_range(self, number):
        kind = integer(0, 99)
        if 0 <= number <= 99:
            assert kind.parse(str(number)) == number
        else:
            assert is_refused(kind, str(number))

    @given(st.floats(allow_nan=True, allow_infinity=True) | TEXTS)
    def test_of_numbers_are_finite(self, value):
        try:
            number = NUMBER.parse(str(value))
        except ValueError:
            return
        assert abs(number) < 1e15

    @given(st.datetimes(timezones=OFFSETS))
    def test_of_times_are_the_moments_they_name(self, moment):
        assert TIME.parse(moment.isoformat()) == moment

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "now",
            "2026-06-01",
            "2026-06-01T12:00:00",
            "2026-06-01 12:00:00Z",
            "2026-02-30T12:00:00Z",
            "2026-06-01T24:00:00Z",
            "2026-06-01T12:00:60Z",
            "2026-06-01T12:00:00+99:99",
            "0000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "2026-06-01T12:00:00.1234567Z",
            "٢٠٢٦-06-01T12:00:00Z",
        ],
    )
    def test_of_times_that_are_none_are_refused(self, text):
        assert is_refused(TIME, text)

    @given(st.uuids())
    def test_of_ids_are_in_their_one_form(self, key):
        assert ID.parse(str(key)) == ID.parse(str(key).upper()) == key
        for other in (key.hex, f"{{{key}}}", key.urn, f" {key}"):
            assert is_refused(ID, other)

    @given(TEXTS)
    def test_of_choices_are_those(self, text):
        kind = choice(["a", "b"])
        if text in {"a", "b"}:
            assert kind.parse(text) == text
        else:
            assert is_refused(kind, text)

    @given(TEXTS)
    def test_of_booleans_are_two(self, text):
        if text in {"true", "false"}:
            assert BOOLEAN.parse(text) is (text == "true")
        else:
            assert is_refused(BOOLEAN, text)

    @pytest.mark.parametrize(("length", "good"), [(200, True), (201, False)])
    def test_of_texts_have_a_length(self, length, good):
        assert is_refused(TEXT, "x" * length) is not good


class TestFaults:
    def test_are_all_said_at_once(self):
        assert faults_of("tries=x&kind=c&actor=1&created_at__lt=now&name=" + "x" * 201) == {
            "tries": "invalid",
            "kind": "invalid_choice",
            "actor": "invalid",
            "created_at__lt": "invalid",
            "name": "max_length",
        }

    @pytest.mark.parametrize("query", ["tries__in=1,x", "tries__in=1,", "actor__in=x"])
    def test_of_one_in_a_list_refuse_the_list(self, query):
        assert faults_of(query) == {query.partition("=")[0]: "invalid"}

    @pytest.mark.parametrize("value", ["1", "True", "null", "0"])
    def test_of_isnull_are_all_but_true_and_false(self, value):
        assert faults_of(f"actor__isnull={value}") == {"actor__isnull": "invalid"}

    @pytest.mark.django_db
    @hypothesis_settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40
    )
    @given(
        st.sampled_from(sorted(Entries.base_filters)),
        st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1),
    )
    def test_are_the_only_other_outcome_than_rows(self, name, text):
        query = QueryDict(mutable=True)
        query[name] = text

        assert outcome(query) in ("no rows", [name])


def outcome(query):
    """What comes of a call over no rows: none, or which parameters are at fault."""
    try:
        rows = list(Entries.narrow(OutboxEvent.objects.all(), query))
    except InvalidParameterError as refused:
        return [fault.parameter for fault in refused.errors]
    return "no rows" if rows == [] else rows


class TestDeclaration:
    def test_makes_a_parameter_of_each_operator(self):
        names = dict(Typed("size", integer(0, 9), ALL).filters())

        assert list(names) == ["size", *(f"size__{operator}" for operator in ALL[1:])]

    def test_may_narrow_by_more_than_a_column(self):
        asked = []

        class Own(TypedFilterSet):
            typed = (
                Typed("size", integer(0, 9), ONE_OF, apply=lambda *call: asked.append(call) or 7),
            )

        assert Own.narrow(None, QueryDict("size__in=1,2")) == 7
        assert asked == [(None, "in", [1, 2])]

    @pytest.mark.parametrize(
        ("name", "schema"),
        [
            ("size", {"type": "integer", "minimum": 0, "maximum": 9, "description": "Of it."}),
            ("size__isnull", {"type": "boolean"}),
            ("size__gt", {"type": "integer"}),
        ],
    )
    def test_says_in_the_schema_what_it_takes(self, name, schema):
        made = dict(Typed("size", integer(0, 9), EXACT + RANGE + NULL, about="Of it.").filters())

        shown = made[name]._spectacular_annotation["field"]

        assert schema.items() <= shown.items()
