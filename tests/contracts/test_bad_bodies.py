"""Every body that is none, at every operation that takes one: a problem, and nothing stored.

The codes are those of docs/subsystems/requests.md.
"""

from __future__ import annotations

import pytest

from tests.contracts.bodies import SIGNED, body_of
from tests.contracts.calling import NOTHING, perform, said, undone, writes
from tests.contracts.objects import stage, whoever_may
from tests.contracts.routes import OPERATIONS, WITH_BODY, resolve

WRITES = [operation for operation in OPERATIONS if operation.method in WITH_BODY]
JSON_WRITES = [operation for operation in WRITES if operation.takes_json]

# What is no JSON object of ours, and what is said of it.
MALFORMED = {
    "null": (b"null", "validation_failed"),
    "a list": (b"[]", "validation_failed"),
    "a text": (b'"x"', "validation_failed"),
    "a number": (b"1", "validation_failed"),
    "only blanks": (b"  \n", "malformed_json"),
    "cut off": (b'{"name": "x', "malformed_json"),
    "garbage behind": (b"{}x", "malformed_json"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "malformed_json"),
    "UTF-16": ("{}".encode("utf-16"), "malformed_json"),
    "not UTF-8": (b'{"name": "\xff"}', "malformed_json"),
    "NaN": (b'{"name": NaN}', "malformed_json"),
    "Infinity": (b'{"name": -Infinity}', "malformed_json"),
    "a key twice": (b'{"name": "x", "name": "y"}', "duplicate_key"),
    "100 levels": (b'{"name": ' + b"[" * 99 + b"]" * 99 + b"}", "json_too_deep"),
    "100,000 levels": (b"[" * 100_000, "json_too_deep"),
    "1e400": (b'{"name": 1e400}', "number_out_of_range"),
    "5,000 digits": (b'{"name": ' + b"1" * 5_000 + b"}", "number_out_of_range"),
    "NUL": (rb'{"name": "a\u0000b"}', "forbidden_character"),
    "NUL in a name": (rb'{"a\u0000b": 1}', "forbidden_character"),
    "half a pair": (rb'{"name": "\ud800"}', "forbidden_character"),
}

# Envelopes around a body that would be good, as WSGI has them.
ENVELOPES = {
    "text": ({"CONTENT_TYPE": "text/plain"}, "415 unsupported_media_type"),
    "XML": ({"CONTENT_TYPE": "application/xml"}, "415 unsupported_media_type"),
    "a form": ({"CONTENT_TYPE": "application/x-www-form-urlencoded"}, "415 unsupported_media_type"),
    "no type": ({"CONTENT_TYPE": ""}, "415 unsupported_media_type"),
    "UTF-7": ({"CONTENT_TYPE": "application/json; charset=utf-7"}, "415 unsupported_media_type"),
    "gzip": ({"HTTP_CONTENT_ENCODING": "gzip"}, "415 unsupported_content_encoding"),
    "chunks": ({"HTTP_TRANSFER_ENCODING": "chunked"}, "411 length_required"),
    "a length that is none": ({"CONTENT_LENGTH": "-1"}, "400 malformed_header"),
}

VALUES = {
    "string": "x",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "array": [],
    "object": {},
    "null": None,
}
LONGEST = 10_000  # characters of a text without a limit of its own


def names(operations):
    return [str(operation) for operation in operations]


def types_of(schema):
    """The JSON types that a member may have; a number may be whole."""
    schema = resolve(schema)
    kinds = schema.get("type", [])
    found = {kinds} if isinstance(kinds, str) else {*kinds}
    for part in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())):
        found |= types_of(part)
    if "enum" in schema and not found:
        found = {"string"}
    return found | ({"integer"} if "number" in found else set())


def wrong_values(schema):
    """Values of every JSON type that the member may not have, and a text that is too long."""
    may_be = types_of(schema)
    wrong = {kind: value for kind, value in VALUES.items() if kind not in may_be}
    if "string" in may_be:
        limit = resolve(schema).get("maxLength", LONGEST)
        wrong["too long"] = "x" * (max(limit, LONGEST) + 1)
    if "array" in may_be and types_of(resolve(schema).get("items", {})) == {"string"}:
        wrong |= {f"array of {kind}": [VALUES[kind]] for kind in ("integer", "object", "null")}
    return wrong


class Sender:
    """Sends one operation's bodies as somebody who may; says what came of them, and what stayed."""

    def __init__(self, cast, operation):
        self.operation, self.arguments = operation, stage(cast, operation.route)
        self.actor, self.good = whoever_may(cast, operation), body_of(cast, operation)

    def __call__(self, body, **environ):
        before = writes()
        response = perform(self.actor.token, self.operation, self.arguments, body, **environ)
        answer = said(response)
        if answer != "in" and writes() != before:
            answer += ", and something was written"
        return answer, response


@pytest.fixture
def sender(operation, cast):
    return Sender(cast, operation)


@pytest.mark.django_db
@pytest.mark.parametrize("operation", JSON_WRITES, ids=names(JSON_WRITES))
class TestBodies:
    def test_that_are_no_object_are_400(self, operation, sender):
        got = {words: sender(body)[0] for words, (body, _) in MALFORMED.items()}

        assert got == {words: f"400 {code}" for words, (_, code) in MALFORMED.items()}

    def test_without_what_is_required_are_400(self, operation, sender):
        for body in (NOTHING, {}):
            with undone():
                answer, response = sender(body)
            if operation.required:
                missing = {fault["pointer"] for fault in response.json()["errors"]}
                assert missing >= {f"#/{operation.required[0]}"}
            elif str(operation) in SIGNED:
                assert answer == "400 bad_signature"
            else:
                assert answer in {"in", "400 validation_failed"}

    def test_with_a_member_of_another_type_or_too_long_are_400_at_that_member(
        self, operation, sender
    ):
        wrong = {}
        for name, schema in operation.members.items():
            for kind, value in wrong_values(schema).items():
                with undone():
                    answer, response = sender({**sender.good, name: value})
                if not self.is_refused_at(name, answer, response):
                    wrong[name, kind] = answer

        assert wrong == {}

    @staticmethod
    def is_refused_at(name, answer, response):
        if not answer.startswith("400 ") or ", and" in answer:
            return False
        pointers = [fault.get("pointer", "") for fault in response.json().get("errors", [])]
        return any(f"{pointer}/".startswith(f"#/{name}/") for pointer in pointers)


@pytest.mark.django_db
@pytest.mark.parametrize("operation", WRITES, ids=names(WRITES))
class TestEnvelopes:
    def test_of_another_kind_are_refused(self, operation, sender):
        got = {words: sender({"a": 1}, **environ)[0] for words, (environ, _) in ENVELOPES.items()}

        assert got == {words: answer for words, (_, answer) in ENVELOPES.items()}

    def test_above_the_cap_are_refused_before_a_byte_is_read(self, operation, sender):
        above = str(operation.max_body + 1)

        assert sender({"a": 1}, CONTENT_LENGTH=above)[0] == "413 body_too_large"
