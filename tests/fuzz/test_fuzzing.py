"""The fuzzer itself: what is wrong with an answer, it finds."""

from __future__ import annotations

from copy import deepcopy

import pytest
import schemathesis

from apps.accounts.api.v1.views.people import MeView
from tests.contracts import routes
from tests.contracts.routes import OPERATIONS
from tests.fuzz import fuzzing
from tests.fuzz.fuzzing import Caller

ME = next(operation for operation in OPERATIONS if str(operation) == "GET me")
PATH = "/api/v1/me"


@pytest.fixture
def told(monkeypatch):
    """`told(document)`: from now on the schema says so."""

    def tell(document):
        loaded = schemathesis.openapi.from_dict(document)
        loaded.config.generation.with_security_parameters = False
        known = {routes.shape(ME.route.text): None, "GET me": loaded[PATH]["GET"]}
        monkeypatch.setattr(fuzzing, "operations", lambda: known)

    return tell


@pytest.fixture
def found(cast, patient_database):
    """`found()`: the kinds of findings of `GET /me` by its owner."""

    def find():
        caller = Caller(cast, cast.login("owner", cast.owner))
        caller.try_operation(ME, share=1, examples=0, offset=0)
        return {(status, title) for _, status, title in caller.findings.found}

    return find


def changed(change):
    """The schema, with the answers of `GET /me` changed."""
    document = deepcopy(routes.schema())
    change(document["paths"][PATH]["get"]["responses"])
    return document


class TestFindings:
    def test_there_are_none_of_the_schema_as_it_is(self, found):
        assert found() == set()

    def test_a_status_that_is_not_in_the_schema(self, told, found):
        told(changed(lambda answers: answers.pop("200")))

        assert found() == {("200", "Undocumented status code")}

    def test_a_header_that_is_not_in_the_schema(self, told, found):
        told(changed(lambda answers: answers["200"]["headers"].pop("ETag")))

        assert found() == {("200", "header etag is not in the schema")}

    def test_a_header_that_the_schema_promises_and_nobody_sends(self, told, found):
        def promise(answers):
            answers["200"]["headers"]["Location"] = {"schema": {"type": "string"}}

        told(changed(promise))

        assert found() == {("200", "header location is in the schema alone")}

    def test_a_body_that_the_schema_does_not_allow(self, told, found):
        def narrow(answers):
            content = answers["200"]["content"]["application/json"]
            content["schema"] = {"type": "object", "required": ["height"]}

        told(changed(narrow))

        assert found() == {("200", "Response violates schema")}

    def test_a_kind_of_content_that_is_not_in_the_schema(self, told, found):
        def rename(answers):
            content = answers["200"]["content"]
            content["text/csv"] = content.pop("application/json")

        told(changed(rename))

        assert ("200", "Undocumented Content-Type") in found()

    def test_a_failure_of_ours(self, found, monkeypatch):
        def fail(*_, **__):
            raise RuntimeError("a bug")

        monkeypatch.setattr(MeView, "get", fail)

        assert ("500", "a failure of ours") in found()
