"""No operation takes a field that it does not name: OWASP API3:2023, over every body there is.

Each field of each of our tables is sent beside a body that works, one at a time, and a few names
more that somebody would try.
"""

from __future__ import annotations

import pytest
from django.apps import apps

from tests.contracts.bodies import SIGNED, body_of
from tests.contracts.calling import NOTHING, Form, perform, writes
from tests.contracts.objects import stage, whoever_may
from tests.contracts.routes import OPERATIONS, WITH_BODY

WRITES = [
    operation
    for operation in OPERATIONS
    if operation.method in WITH_BODY and str(operation) not in SIGNED
]
OURS = ("apps.", "core")
TRIED = {
    "__proto__",
    "constructor",
    "application_id",
    "id",
    "is_admin",
    "is_staff",
    "is_superuser",
    "owner",
    "owner_id",
    "permissions",
    "pk",
    "plan",
    "role",
    "scope",
    "status",
    "user_id",
}


def fields_of_tables():
    """Names of all columns and relations of our models."""
    ours = [model for model in apps.get_models() if model.__module__.startswith(OURS)]
    fields = [field for model in ours for field in model._meta.get_fields()]
    return {field.name for field in fields} | {getattr(field, "attname", "id") for field in fields}


def with_field(body, name):
    """The body and one field more."""
    if isinstance(body, Form):
        return Form({**body.fields, name: "1"}, body.files)
    return {**({} if body is NOTHING else body), name: True}


def faults(response):
    """(pointer, code) of each field error of a 400; of anything else, what it was."""
    if response.status_code != 400:
        return {(response.status_code, response.content[:200])}
    return {(fault.get("pointer"), fault["code"]) for fault in response.json().get("errors", [])}


@pytest.mark.django_db
@pytest.mark.parametrize("operation", WRITES, ids=[str(operation) for operation in WRITES])
class TestUnknownFields:
    def test_are_refused_by_name_and_nothing_is_stored(self, operation, cast):
        arguments = stage(cast, operation.route)
        actor, body = whoever_may(cast, operation), body_of(cast, operation)
        names = (fields_of_tables() | TRIED) - operation.members.keys()
        before, wrong = writes(), {}

        for name in sorted(names):
            response = perform(actor.token, operation, arguments, with_field(body, name))
            if faults(response) != {(f"#/{name}", "unknown_field")}:
                wrong[name] = faults(response)

        assert len(names) > 100
        assert wrong == {}
        assert writes() == before
