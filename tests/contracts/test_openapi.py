"""The schema is a snapshot: a change shows in review, and a breaking one needs version 2."""

import io
import json
import os
from contextlib import redirect_stderr
from pathlib import Path

import pytest
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from drf_spectacular.generators import SchemaGenerator
from openapi_spec_validator import OpenAPIV31SpecValidator

SNAPSHOT = Path(__file__).parent / "openapi_v1.json"
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def schema():
    reset_generator_stats()
    complaints = io.StringIO()
    with redirect_stderr(complaints):
        document = SchemaGenerator().get_schema(request=None, public=True)
    assert (complaints.getvalue(), bool(GENERATOR_STATS)) == ("", False)
    return json.loads(json.dumps(document, default=str))


def _operations(schema):
    return [
        (f"{method.upper()} {path}", operation)
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


class TestOpenapi:
    def test_is_what_the_snapshot_says(self, schema):
        text = json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        if os.environ.get("UPDATE_OPENAPI"):
            SNAPSHOT.write_text(text, encoding="utf-8")

        assert text == SNAPSHOT.read_text(encoding="utf-8"), "make schema renews the snapshot"

    def test_is_valid_openapi_3_1(self, schema):
        assert schema["openapi"].startswith("3.1")
        assert list(OpenAPIV31SpecValidator(schema).iter_errors()) == []

    def test_every_path_is_under_version_1_without_a_trailing_slash(self, schema):
        assert [path for path in schema["paths"] if not path.startswith("/api/v1/")] == []
        assert [path for path in schema["paths"] if path.endswith("/")] == []

    def test_every_operation_says_what_it_is_for(self, schema):
        assert [
            name for name, operation in _operations(schema) if not operation.get("summary")
        ] == []

    def test_every_operation_shows_an_error_as_a_problem(self, schema):
        without = []
        for name, operation in _operations(schema):
            bodies = [
                answer.get("content", {})
                for status, answer in operation["responses"].items()
                if status.startswith(("4", "5"))
            ]
            if not bodies or not all("application/problem+json" in body for body in bodies):
                without.append(name)

        assert without == []

    def test_every_protected_operation_names_its_scope(self, schema):
        without = [
            name
            for name, operation in _operations(schema)
            if operation.get("security") not in ([], [{}]) and not operation.get("x-required-scope")
        ]

        assert without == []

    def test_every_body_has_an_example(self, schema):
        without = []
        for name, operation in _operations(schema):
            answers = [
                answer for status, answer in operation["responses"].items() if status[0] == "2"
            ]
            bodies = [operation.get("requestBody", {}), *answers]
            kinds = [kind for body in bodies for kind in body.get("content", {}).items()]
            without += [
                (name, kind)
                for kind, content in kinds
                if kind == "application/json" and not content.get("examples")
            ]

        assert without == []
