"""How many SQL statements each operation costs is a file: a change is a conversation in review.

`make query-counts` renews it. Which operations there are, and what `expand` may name, is read off
the schema. What is read is counted with one row and with fifty: the figures must be the same.
"""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.contracts import calls
from tests.contracts.calls import PAGE, READS, WRITES, expansions_of, is_paged, name_of
from tests.contracts.rows import rows_of

FILE = Path(__file__).parent / "query_counts.json"
FEW, MANY = 1, 50
RENEWAL = "make query-counts renews tests/contracts/query_counts.json: read its diff."

WAYS = [
    pytest.param(operation, expand, id=name_of(operation) + (f"?expand={expand}" if expand else ""))
    for operation in READS
    for expand in ("", *expansions_of(operation))
]


def _count(call, query=None):
    """The answer, and the statements it took."""
    with CaptureQueriesContext(connection) as queries:
        response = call(query)
    assert response.status_code < 400, response.content
    return response, sum(not _is_savepoint(query["sql"]) for query in queries.captured_queries)


def _is_savepoint(sql: str) -> bool:
    return sql.startswith(("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT"))


def _check(name, counted):
    """Against the file, or into it: `make query-counts` runs in one process."""
    known = json.loads(FILE.read_text())
    if os.environ.get("UPDATE_QUERY_COUNTS"):
        _write({**known, name: counted})
        return
    assert {name: counted} == {name: known.get(name)}, RENEWAL


def _write(counts):
    FILE.write_text(json.dumps(counts, indent=1, sort_keys=True) + "\n")


@pytest.mark.django_db
class TestQueryCounts:
    @pytest.mark.parametrize(("operation", "expand"), WAYS)
    def test_of_a_read_are_the_same_for_fifty_rows_and_what_the_file_says(
        self, operation, expand, cast, request
    ):
        query = {**(PAGE if is_paged(operation) else {}), **({"expand": expand} if expand else {})}

        few, counted = _count(calls.reading(cast, operation, FEW), query)
        many, counted_of_many = _count(calls.reading(cast, operation, MANY), query)

        if is_paged(operation):
            assert [len(answer.json()["results"]) for answer in (few, many)] == [FEW, MANY]
        assert counted == counted_of_many
        _check(request.node.callspec.id, counted)

    @pytest.mark.parametrize("operation", WRITES, ids=name_of)
    def test_of_a_write_are_what_the_file_says(self, operation, cast):
        call = calls.writing(cast, operation)

        _, counted = _count(call)

        _check(name_of(operation), counted)

    def test_are_of_operations_that_there_are(self):
        there = {way.id for way in WAYS} | {name_of(operation) for operation in WRITES}
        known = json.loads(FILE.read_text())
        if os.environ.get("UPDATE_QUERY_COUNTS"):
            _write({name: counted for name, counted in known.items() if name in there})
            return

        assert known.keys() - there == set(), RENEWAL


class TestExpansionsOf:
    @pytest.mark.parametrize(
        ("schema", "named"),
        [
            (None, []),
            ({"type": "string", "enum": ["model"]}, ["model"]),
            (
                {"type": "array", "items": {"type": "string", "enum": ["a", "a.b"]}},
                ["a", "a.b", "a,a.b"],
            ),
        ],
    )
    def test_are_the_names_of_the_schema_and_then_all_of_them(self, schema, named):
        parameters = [{"name": "limit", "in": "query", "schema": {}}]
        if schema is not None:
            parameters.append({"name": "expand", "in": "query", "schema": schema})
        operation = SimpleNamespace(schema={"parameters": parameters})

        assert expansions_of(operation) == named


class TestRowsOf:
    def test_says_what_to_write_for_a_list_that_it_does_not_know(self):
        with pytest.raises(AssertionError, match=r"'things' has no entry in ROWS of .*rows\.py"):
            rows_of("things")
