"""OpenAPI documents of one operation, and what the differ says of two of them."""

from __future__ import annotations

from datetime import date

from tests.contracts.schema_differ import RULES, breaking_changes

TODAY = date(2026, 6, 1)


def document(**operation):
    """One operation, `GET /things`, of which parts are given."""
    operation = {
        "operationId": "list_things",
        "x-required-scope": "things:read",
        "security": [{"bearer": ["things:read"]}, {"oauth2": ["things:read"]}],
        "responses": {"200": {"headers": {}, "content": {}}},
        **operation,
    }
    return {"paths": {"/things": {"get": operation}}, "components": {"schemas": {}}}


def taking(schema, *, required=True, kind="application/json"):
    return document(requestBody={"required": required, "content": {kind: {"schema": schema}}})


def answering(schema, status="200"):
    return document(responses={status: {"content": {"application/json": {"schema": schema}}}})


def asking(*parameters):
    return document(parameters=list(parameters))


def parameter(name="limit", place="query", schema=None, **more):
    return {"name": name, "in": place, "schema": schema or {"type": "string"}, **more}


def things(properties, *required, **more):
    return {"type": "object", "properties": properties, "required": list(required), **more}


def found(old, new):
    """The changes, as (rule, where, what)."""
    changes = breaking_changes(old, new, today=TODAY)
    assert {change.rule for change in changes} <= RULES.keys()
    return [(change.rule, change.where, change.what) for change in changes]


def rules(old, new):
    return [rule for rule, _, _ in found(old, new)]


STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
NULLABLE = {"type": ["string", "null"]}
LETTERS = {"type": "string", "enum": ["a", "b"]}
