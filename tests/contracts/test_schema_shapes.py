"""The schema differ on bodies: what may be sent may only grow, what is answered only tighten."""

from __future__ import annotations

from copy import deepcopy

import pytest

from tests.contracts.small_documents import (
    INTEGER,
    LETTERS,
    NULLABLE,
    NUMBER,
    STRING,
    answering,
    found,
    rules,
    taking,
    things,
)

# What is sent: schema before, schema after, what it breaks.
NARROWED = [
    (STRING, INTEGER, ["type_changed"]),
    (INTEGER, NUMBER, []),
    (NUMBER, INTEGER, ["type_changed"]),
    ({}, STRING, ["type_changed"]),
    (STRING, {}, []),
    (NULLABLE, STRING, ["null_refused"]),
    (STRING, NULLABLE, []),
    ({"type": ["string", "integer"]}, STRING, ["type_changed"]),
    ({"oneOf": [STRING, {"type": "null"}]}, NULLABLE, []),
    (NULLABLE, {"oneOf": [STRING, {"type": "null"}]}, []),
    ({"anyOf": [STRING, INTEGER]}, {"anyOf": [STRING]}, ["type_changed"]),
    (LETTERS, {"type": "string", "enum": ["a"]}, ["enum_narrowed"]),
    (LETTERS, {"type": "string", "enum": ["a", "b", "c"]}, []),
    (LETTERS, STRING, []),
    (STRING, LETTERS, ["enum_narrowed"]),
    ({"enum": ["a", "b"]}, {"const": "a"}, ["enum_narrowed"]),
    ({"enum": ["a", None]}, {"enum": ["a"]}, ["null_refused"]),
    (STRING, {"type": "string", "format": "uuid"}, ["format_changed"]),
    ({"type": "string", "format": "uuid"}, STRING, []),
    ({"type": "integer", "format": "int32"}, {"type": "integer", "format": "int64"}, []),
    (
        {"type": "integer", "format": "int64"},
        {"type": "integer", "format": "int32"},
        ["format_changed"],
    ),
    ({"maxLength": 9, **STRING}, {"maxLength": 10, **STRING}, []),
    ({"maxLength": 9, **STRING}, STRING, []),
    (STRING, {"maxLength": 9, **STRING}, ["limit_narrowed"]),
    ({"minimum": 0, **INTEGER}, {"minimum": 1, **INTEGER}, ["limit_narrowed"]),
    ({"minimum": 1, **INTEGER}, {"minimum": 0, **INTEGER}, []),
    (STRING, {"pattern": "^a", **STRING}, ["limit_narrowed"]),
    ({"pattern": "^a", **STRING}, STRING, []),
    ({"type": "array"}, {"type": "array", "uniqueItems": True}, ["limit_narrowed"]),
    ({"default": 1, **INTEGER}, {"default": 2, **INTEGER}, ["default_changed"]),
    (INTEGER, {"default": 2, **INTEGER}, []),
    ({"type": "array", "items": STRING}, {"type": "array", "items": INTEGER}, ["type_changed"]),
    ({"type": "array", "items": STRING}, {"type": "array"}, []),
    (things({}), things({"a": STRING}), []),
    (things({}), things({"a": STRING}, "a"), ["member_required"]),
    (things({"a": STRING}), things({"a": STRING}, "a"), ["member_required"]),
    (things({"a": STRING}, "a"), things({"a": STRING}), []),
    (things({"a": STRING}), things({}), ["member_removed"]),
    (things({"a": {"deprecated": True, "x-sunset": "2026-05-01", **STRING}}), things({}), []),
    (things({}), things({}, additionalProperties=False), ["additional_properties_closed"]),
    (things({}, additionalProperties=False), things({}), []),
    (
        things({}, additionalProperties=NUMBER),
        things({}, additionalProperties=INTEGER),
        ["type_changed"],
    ),
    (STRING, {"not": {"const": ""}, **STRING}, ["not_understood"]),
    (STRING, {"description": "text", "x-mark": 1, **STRING}, []),
    (True, STRING, ["type_changed"]),
    (STRING, False, ["type_changed"]),
]
# What is answered, likewise.
LOOSENED = [
    (STRING, INTEGER, ["type_changed"]),
    (NUMBER, INTEGER, []),
    (INTEGER, NUMBER, ["type_changed"]),
    (STRING, NULLABLE, ["made_nullable"]),
    (NULLABLE, STRING, []),
    (LETTERS, {"type": "string", "enum": ["a", "b", "c"]}, []),
    (LETTERS, {"type": "string", "enum": ["a"]}, []),
    ({"maxLength": 9, **STRING}, STRING, []),
    ({"minimum": 1, **INTEGER}, {"minimum": 0, **INTEGER}, []),
    (STRING, {"type": "string", "format": "uuid"}, []),
    ({"type": "string", "format": "uuid"}, STRING, ["format_changed"]),
    (things({}), things({"a": STRING}, "a"), []),
    (things({"a": STRING}, "a"), things({"a": STRING}), ["member_optional"]),
    (things({"a": STRING}), things({"a": STRING}, "a"), []),
    (things({"a": STRING}, "a"), things({}), ["member_removed"]),
    (
        things({"a": {"deprecated": True, "x-sunset": "2026-05-01", **STRING}}, "a"),
        things({}),
        [],
    ),
    (
        things({"a": {"deprecated": True, "x-sunset": "2027-05-01", **STRING}}),
        things({}),
        ["member_removed"],
    ),
    (
        things({"a": {"type": "array", "items": things({"b": STRING})}}),
        things({"a": {"type": "array", "items": things({"b": NULLABLE})}}),
        ["made_nullable"],
    ),
    (things({}), things({}, additionalProperties=False), []),
    (
        things({}, additionalProperties=INTEGER),
        things({}, additionalProperties=STRING),
        ["type_changed"],
    ),
    ({"allOf": [things({"a": STRING})]}, things({"a": STRING}), []),
    (
        {"allOf": [things({"a": STRING}), things({"b": STRING})]},
        {"allOf": [things({"a": STRING})]},
        ["member_removed"],
    ),
]


class TestWhatIsSent:
    @pytest.mark.parametrize(("old", "new", "broken"), NARROWED)
    def test_may_only_become_easier_to_write(self, old, new, broken):
        assert rules(taking(old), taking(new)) == broken

    def test_says_where(self):
        old = things({"rows": {"type": "array", "items": things({"a": STRING})}})
        new = deepcopy(old)
        new["properties"]["rows"]["items"]["properties"]["a"] = INTEGER

        assert found(taking(old), taking(new)) == [
            ("type_changed", "GET /things, body #/rows/*/a", "string was taken, now integer")
        ]


class TestWhatIsAnswered:
    @pytest.mark.parametrize(("old", "new", "broken"), LOOSENED)
    def test_may_only_become_easier_to_read(self, old, new, broken):
        assert rules(answering(old), answering(new)) == broken

    def test_counts_in_problems_as_well(self):
        problem = things({"code": STRING}, "code")

        assert rules(answering(problem, "400"), answering(things({}), "400")) == ["member_removed"]

    def test_may_go_round_in_references(self):
        node = things({"next": {"$ref": "#/components/schemas/Node"}, "name": STRING})
        old, new = (answering({"$ref": "#/components/schemas/Node"}) for _ in range(2))
        old["components"]["schemas"]["Node"] = node
        new["components"]["schemas"]["Node"] = things({"next": node["properties"]["next"]})

        assert found(old, new) == [("member_removed", "GET /things, answer 200, body #", "name")]

    def test_may_be_described_by_a_component_of_another_name(self):
        old, new = answering({"$ref": "#/components/schemas/Old"}), answering(things({"a": STRING}))
        old["components"]["schemas"]["Old"] = things({"a": STRING})

        assert found(old, new) == []

    def test_is_looked_at_in_each_alternative_that_holds_it(self):
        """What one alternative was refused for, the next is not let through with."""
        inner = {"$ref": "#/components/schemas/Inner"}
        ways = {"oneOf": [things({"in": inner}), things({"in": inner, "more": STRING})]}
        old, new = answering(ways), answering(ways)
        old["components"]["schemas"]["Inner"] = things({"a": STRING}, "a")
        new["components"]["schemas"]["Inner"] = things({})

        assert "member_removed" in rules(old, new)
