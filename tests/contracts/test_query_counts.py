"""How many SQL statements each operation costs is a file: a change is a conversation in review.

`UPDATE_QUERY_COUNTS=1 make test` renews it. Lists are counted with one row and with many: the
figures must be the same.
"""

import json
import os
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.contracts.calls import CALLS

FILE = Path(__file__).parent / "query_counts.json"


def _count(call, client) -> int:
    with CaptureQueriesContext(connection) as queries:
        response = call(client)
    assert response.status_code < 400, response.content
    return sum(not _is_savepoint(query["sql"]) for query in queries.captured_queries)


def _is_savepoint(sql: str) -> bool:
    return sql.startswith(("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT"))


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(CALLS))
class TestQueryCounts:
    def test_is_what_the_file_says(self, name, artefacts, request, client_of, alice):
        prepare, call = CALLS[name]
        prepare(request, alice)
        client = client_of(alice)

        counted = _count(call, client)

        known = json.loads(FILE.read_text()) if FILE.exists() else {}
        if os.environ.get("UPDATE_QUERY_COUNTS"):
            FILE.write_text(json.dumps({**known, name: counted}, indent=1, sort_keys=True) + "\n")
            return
        assert counted == known[name]
