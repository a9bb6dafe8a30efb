"""Who may do what is a file under test: access.json, for every operation of the router.

`UPDATE_ACCESS=1 make test T="tests/contracts/test_route_roles.py"` renews it; its diff is a
conversation in review. What a role gets is found out by calling, not read off the code.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core.api.permissions import MISSING, PUBLIC
from tests.contracts.bodies import body_of
from tests.contracts.calling import perform, said, undone
from tests.contracts.objects import stage
from tests.contracts.routes import OPERATIONS, WITH_BODY, operations_of_schema, shape

FILE = Path(__file__).parent / "access.json"
RENEWAL = 'UPDATE_ACCESS=1 make test T="tests/contracts/test_route_roles.py" renews access.json'
WORDS = {PUBLIC: "public", None: "any credential", MISSING: "nobody"}
NAMES = [str(operation) for operation in OPERATIONS]


def read_table():
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def declared(operation):
    """What the view says about the operation."""
    return {
        "scope": WORDS.get(operation.scope, operation.scope),
        "work": operation.work,
        "weight": operation.weight,
        "idempotency_key": operation.idempotency,
        "max_body": operation.max_body if operation.method in WITH_BODY else 0,
    }


def roles(operation, cast, actors):
    """By role, what a call comes to that is good but for who sends it."""
    arguments, found = stage(cast, operation.route), {}
    for actor in actors:
        with undone():
            body = body_of(cast, operation)
            found[actor.name] = said(perform(actor.token, operation, arguments, body))
    return found


@pytest.mark.django_db
class TestAccess:
    def test_is_what_the_file_says(self, churn, cast):
        """All in one, since what takes time is to make the people and their credentials."""
        actors, found = [*cast.good(), cast.nobody()], {}
        for operation in OPERATIONS:
            with undone():
                there = roles(operation, cast, actors)
            found[str(operation)] = {**declared(operation), "roles": there}
        if os.environ.get("UPDATE_ACCESS"):
            FILE.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")

        known = read_table()

        assert (sorted(found.keys() - known), sorted(known.keys() - found)) == ([], []), RENEWAL
        assert {name: entry for name, entry in found.items() if entry != known[name]} == {
            name: entry for name, entry in known.items() if entry != found[name]
        }, RENEWAL

    def test_lets_somebody_in_everywhere(self):
        """Else the refusals in the table may be about a call, not about who sends it."""
        closed = [
            name for name, entry in read_table().items() if "in" not in entry["roles"].values()
        ]

        assert closed == []


class TestInventory:
    """OWASP API9:2023: nothing is open that is not documented, and the reverse."""

    def test_the_schema_has_the_operations_of_the_router_and_no_others(self):
        routed = {shape(name) for name in NAMES}

        assert operations_of_schema().keys() ^ routed == set()

    def test_each_operation_has_a_route_of_its_own(self):
        assert len({shape(name) for name in NAMES}) == len(NAMES)
