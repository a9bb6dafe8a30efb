"""Nothing that was released breaks: the schema of today beside the one of the last release.

`make release-schema` records today's as released. It refuses while today's breaks the recorded one;
`make release-schema BREAK=yes` insists, for as long as nobody relies on it.
"""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.api.errors import status_of
from core.api.problems import known_errors
from tests.contracts.routes import schema
from tests.contracts.schema_differ import RULES, breaking_changes

RELEASED = Path(__file__).parent / "openapi_v1_released.json.gz"
CODES = Path(__file__).parent / "released_codes.json"
FOR_PEOPLE = frozenset({"description", "summary", "example", "examples", "tags", "title"})
NAMES = frozenset(
    {"properties", "paths", "schemas", "headers", "parameters", "webhooks", "content"}
)

MISSING = """
There is no {path}, so nobody knows what was released. `make release-schema` records what there is
today as released; commit what it writes.
"""
BROKEN = """
Programs that were written against the released schema would break:

{changes}

What to do: add beside what is there instead of changing it, mark the old as deprecated with a
sunset, and remove it when that day has passed. docs/how-to/change-the-api.md shows how for each of
these rules. What cannot be had so needs version 2.
"""


def told(document):
    """What programs depend on: without the words, which are most of it."""
    if isinstance(document, list):
        return [told(part) for part in document]
    if not isinstance(document, dict):
        return document
    return {
        name: {key: told(value) for key, value in part.items()}
        if name in NAMES and isinstance(part, dict)
        else told(part)
        for name, part in document.items()
        if name not in FOR_PEOPLE
    }


def pack(document) -> bytes:
    """Small, and the same bytes for the same document."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)
    return gzip.compress(text.encode(), mtime=0)


def unpack(content: bytes):
    return json.loads(gzip.decompress(content))


def report(changes) -> str:
    """Each change on a line, with whom it breaks."""
    return BROKEN.format(
        changes="\n".join(f"  {change}\n      {RULES[change.rule]}" for change in changes)
    )


def compare(released, document, today):
    """Fails with the report when something breaks."""
    changes = breaking_changes(released, document, today=today)
    if changes:
        pytest.fail(report(changes), pytrace=False)


@pytest.fixture(scope="module")
def today():
    return datetime.now(UTC).date()


@pytest.fixture(scope="module")
def present():
    return told(json.loads(json.dumps(schema(), default=str)))


def codes_of_today():
    """Status by code of a problem; the schema names codes to people alone."""
    return {code: status_of(error) for code, error in known_errors().items()}


def lost(released, present):
    """Codes that are gone, or stand under another status: programs decide by both."""
    return sorted(code for code, status in released.items() if present.get(code) != status)


class TestCodes:
    def test_that_were_released_are_still_there(self):
        recording, insisting = (
            os.environ.get(name) for name in ("RECORD_RELEASE", "RECORD_ANYWAY")
        )
        if not recording:
            assert CODES.exists(), MISSING.format(path=CODES.name)
        if CODES.exists() and not insisting:
            assert lost(json.loads(CODES.read_text()), codes_of_today()) == []
        if recording:
            CODES.write_text(json.dumps(codes_of_today(), indent=1, sort_keys=True) + "\n")

    def test_may_be_added_but_neither_renamed_nor_moved_to_another_status(self):
        released = {"gone": 404, "kept": 409, "moved": 400}

        assert lost(released, {"kept": 409, "moved": 422, "new": 404}) == ["gone", "moved"]
        assert lost(released, {**released, "new": 404}) == []


class TestBreakingChanges:
    def test_there_are_none_since_the_last_release(self, present, today):
        recording, insisting = (
            os.environ.get(name) for name in ("RECORD_RELEASE", "RECORD_ANYWAY")
        )
        if not recording:
            assert RELEASED.exists(), MISSING.format(path=RELEASED.name)
        if RELEASED.exists() and not insisting:
            compare(unpack(RELEASED.read_bytes()), present, today)
        if recording:
            RELEASED.write_bytes(pack(present))

    def test_of_the_schema_and_itself_there_are_none(self, present, today):
        assert breaking_changes(present, present, today=today) == []

    def test_are_reported_with_the_rule_the_place_and_what_to_do(self, present, today):
        changed = unpack(pack(present))
        del changed["paths"]["/api/v1/me"]["get"]
        body = changed["paths"]["/api/v1/register"]["post"]["requestBody"]["content"]
        name = body["application/json"]["schema"]["$ref"].rpartition("/")[2]
        changed["components"]["schemas"][name]["required"].append("nickname")

        with pytest.raises(pytest.fail.Exception) as raised:
            compare(present, changed, today)

        text = str(raised.value)
        assert "operation_removed at GET /api/v1/me: there is no such operation" in text
        assert "Calls of it answer 404 or 405." in text
        assert "member_required at POST /api/v1/register, body #: nickname" in text
        assert "docs/how-to/change-the-api.md" in text


class TestTold:
    def test_leaves_out_words_but_no_member_that_is_called_like_one(self):
        document = {
            "description": "x",
            "properties": {"description": {"type": "string", "title": "T", "examples": [1]}},
            "paths": {"/tags": {"get": {"tags": ["a"], "summary": "s", "operationId": "o"}}},
        }

        assert told(document) == {
            "properties": {"description": {"type": "string"}},
            "paths": {"/tags": {"get": {"operationId": "o"}}},
        }

    def test_is_small_and_the_same_bytes_each_time(self, present):
        assert pack(present) == pack(json.loads(json.dumps(present)))
        assert unpack(pack(present)) == present
        assert len(pack(present)) < 64 * 1024
