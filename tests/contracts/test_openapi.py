"""The schema is a snapshot: a change shows in review, and a breaking one needs version 2."""

import io
import json
import os
import re
from contextlib import redirect_stderr
from pathlib import Path

import pytest
from django.conf import settings
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from core.api.errors import status_of
from core.api.problems import known_errors
from core.outbox.catalogue import event_types

SNAPSHOT = Path(__file__).parent / "openapi_v1.json"
METHODS = {"get", "post", "put", "patch", "delete"}
PROBLEM = "application/problem+json"


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

    def test_every_example_fits_its_schema(self, schema):
        wrong = [
            f"{name} {place}: {fault.json_path} {fault.message[:100]}"
            for name, place, content in _contents(schema)
            for example in content.get("examples", {}).values()
            for fault in _faults(schema, content["schema"], example["value"])
        ]

        assert wrong == []

    def test_every_problem_shown_is_of_a_code_and_has_its_status(self, schema):
        errors = known_errors()
        shown = {
            (int(status), code)
            for _, operation in _operations(schema)
            for status, answer in operation["responses"].items()
            for code in answer.get("content", {}).get(PROBLEM, {}).get("examples", {})
        }

        assert {(status, code) for status, code in shown if code not in errors} == set()
        assert {(s, code) for s, code in shown if status_of(errors[code]) != s} == set()
        assert (416, "range_not_satisfiable") in shown

    def test_every_refusal_shows_a_problem(self, schema):
        """A description that names its codes gives an example of each."""
        without = [
            f"{name} {status}"
            for name, operation in _operations(schema)
            for status, answer in operation["responses"].items()
            if status >= "4" and not answer["content"][PROBLEM].get("examples")
        ]

        assert without == []

    def test_every_read_with_a_tag_answers_304_without_a_body(self, schema):
        for name, operation in _operations(schema):
            headers = {p["name"] for p in operation.get("parameters", []) if p["in"] == "header"}
            if "If-None-Match" not in headers:
                assert "304" not in operation["responses"], name
                continue
            assert "content" not in operation["responses"]["304"], name
            assert "ETag" in operation["responses"]["200"]["headers"], name

    def test_every_operation_that_may_refuse_a_credential_says_so(self, schema):
        without = [
            name for name, operation in _operations(schema) if "401" not in operation["responses"]
        ]

        assert without == []

    def test_what_is_made_says_where_it_is(self, schema):
        made = {
            name: "Location" in operation["responses"]["201"]["headers"]
            for name, operation in _operations(schema)
            if "201" in operation["responses"]
        }

        assert [name for name, is_said in made.items() if not is_said] == ["POST /api/v1/register"]

    def test_every_operation_has_a_name_of_its_own_that_begins_with_a_verb(self, schema):
        names = [operation["operationId"] for _, operation in _operations(schema)]

        assert len(names) == len(set(names))
        assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []

    def test_every_operation_has_one_subject_and_every_subject_is_described(self, schema):
        subjects = {tag["name"] for tag in schema["tags"]}

        assert {tuple(o["tags"]) for _, o in _operations(schema)} == {(name,) for name in subjects}
        assert all(tag["description"] for tag in schema["tags"])

    def test_says_whose_it_is_and_where(self, schema):
        assert schema["servers"] == [
            {"url": "/", "description": "The platform that serves this document."}
        ]
        assert schema["info"]["title"] == "Agora API"
        assert "/problems" in schema["info"]["description"]
        assert schema["info"]["contact"]["name"]


class TestSchemas:
    def test_have_names_for_people(self, schema):
        ugly = re.compile(
            r"Patched|Paginated|\w*(?:Out|InRequest|Request)List|\w+(?:Out|InRequest)|\w*\d+"
        )

        assert [name for name in schema["components"]["schemas"] if ugly.fullmatch(name)] == []
        assert "Null" not in schema["components"]["schemas"]

    def test_use_every_name_that_the_settings_give(self, schema):
        names = set(schema["components"]["schemas"])
        endings = ("", "Input", "Patch", "Page")

        assert [
            name
            for name in settings.SCHEMA_NAMES.values()
            if not names & {name + ending for ending in endings}
        ] == []

    def test_are_all_referred_to(self, schema):
        text = json.dumps(schema)

        assert [
            name
            for name in schema["components"]["schemas"]
            if f'"#/components/schemas/{name}"' not in text
        ] == []

    def test_are_described_by_words_of_their_own(self, schema):
        described = [
            part.get("description", "") for part in schema["components"]["schemas"].values()
        ]

        assert [text for text in described if "What a client" in text] == []


class TestWebhooks:
    def test_are_one_for_each_type_of_event(self, schema):
        assert list(schema["webhooks"]) == list(event_types())

    def test_have_the_headers_of_standard_webhooks(self, schema):
        for webhook in schema["webhooks"].values():
            assert {(p["name"], p["in"], p["required"]) for p in webhook["post"]["parameters"]} == {
                ("webhook-id", "header", True),
                ("webhook-timestamp", "header", True),
                ("webhook-signature", "header", True),
            }

    def test_show_a_body_that_fits(self, schema):
        for name, webhook in schema["webhooks"].items():
            content = webhook["post"]["requestBody"]["content"]["application/json"]
            body = content["examples"]["event"]["value"]

            assert list(_faults(schema, content["schema"], body)) == []
            assert (body["type"], set(body)) == (
                name,
                {"type", "timestamp", "data", "object", "schema_version", "request_id"},
            )

    def test_say_what_an_answer_leads_to(self, schema):
        for webhook in schema["webhooks"].values():
            assert set(webhook["post"]["responses"]) == {"2XX", "3XX", "410", "4XX", "5XX"}


def _contents(schema):
    """Bodies and answers with a schema: the operation's name, which one, its content."""
    for name, operation in _operations(schema):
        parts = {"body": operation.get("requestBody", {}), **operation["responses"]}
        for place, part in parts.items():
            for content in part.get("content", {}).values():
                if "schema" in content:
                    yield name, place, content


def _faults(schema, part, value):
    validator = Draft202012Validator({**part, "components": schema["components"]})
    return validator.iter_errors(value)
