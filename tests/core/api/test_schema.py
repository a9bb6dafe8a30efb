import json
import re

import pytest
from drf_spectacular.generators import SchemaGenerator
from openapi_spec_validator import OpenAPIV31SpecValidator

from core.api.problems import known_errors


@pytest.fixture(scope="module")
def schema():
    from contextlib import redirect_stderr
    from io import StringIO

    with redirect_stderr(StringIO()):  # the test views describe no bodies
        document = SchemaGenerator(urlconf="tests.core.api.urls").get_schema(
            request=None, public=True
        )
    return json.loads(json.dumps(document, default=str))


def operation(schema, path, method="get"):
    return schema["paths"][f"/api/v1/{path}"][method]


def names(operation, place):
    return {p["name"] for p in operation.get("parameters", []) if p["in"] == place}


class TestApiSchema:
    def test_is_openapi_3_1(self, schema):
        assert schema["openapi"].startswith("3.1")
        assert list(OpenAPIV31SpecValidator(schema).iter_errors()) == []

    def test_leaves_out_what_takes_every_path(self, schema):
        assert all(re.fullmatch(r"/api/v1/[a-z/{}]+", path) for path in schema["paths"])

    @pytest.mark.parametrize(
        ("path", "method", "security", "scope"),
        [
            (
                "predict",
                "post",
                [{"bearer": ["predictions:create"]}, {"oauth2": ["predictions:create"]}],
                "predictions:create",
            ),
            ("who", "get", [{"bearer": []}, {"oauth2": []}], "any"),
            ("echo", "get", [], None),
            ("entries", "get", [], None),
        ],
    )
    def test_says_which_scope_an_operation_needs(self, schema, path, method, security, scope):
        found = operation(schema, path, method)

        assert (found["security"], found.get("x-required-scope")) == (security, scope)

    @pytest.mark.parametrize(
        ("path", "method", "work"),
        [("predict", "post", "predict"), ("who", "get", "default"), ("echo", "get", "default")],
    )
    def test_says_which_limits_count_an_operation(self, schema, path, method, work):
        assert operation(schema, path, method)["x-rate-limit"] == work

    @pytest.mark.parametrize(
        ("path", "method", "statuses"),
        [
            ("echo", "get", {"400", "406", "429", "500", "503"}),
            ("who", "get", {"400", "401", "403", "406", "429", "500", "503"}),
            ("jobs", "post", {"401", "409", "422"}),
            ("entries/{id}", "get", {"404"}),
        ],
    )
    def test_lists_the_problems_an_operation_may_answer(self, schema, path, method, statuses):
        assert statuses <= operation(schema, path, method)["responses"].keys()

    def test_public_operations_refuse_a_bad_credential_too(self, schema):
        answers = operation(schema, "echo")["responses"]

        assert answers["401"]["description"] == "A credential was sent, and it is not valid."
        assert answers["403"]["description"].startswith("A credential was sent that is bound")

    def test_problems_are_of_codes_that_exist(self, schema):
        codes = {
            code
            for item in schema["paths"].values()
            for found in item.values()
            for answer in found["responses"].values()
            for code in answer.get("content", {})
            .get("application/problem+json", {})
            .get("examples", {})
        }

        assert codes <= known_errors().keys()
        assert "rate_limited" in codes

    def test_every_answer_has_its_headers(self, schema):
        answers = operation(schema, "entries")["responses"]

        assert answers["200"]["headers"].keys() == {
            "X-Request-Id",
            "RateLimit-Policy",
            "RateLimit",
            "Link",
        }
        assert "Retry-After" in answers["429"]["headers"]
        assert "ETag" in operation(schema, "entries/{id}")["responses"]["200"]["headers"]

    def test_lists_have_paging_filters_search_sort_and_fields(self, schema):
        assert names(operation(schema, "entries"), "query") == {
            "limit",
            "cursor",
            "include",
            "search",
            "sort",
            "fields",
            "is_sent",
            "object_type",
            "action",
            "action__in",
            "created_at__gte",
            "created_at__lt",
        }

    def test_own_parameters_belong_to_their_operation(self, schema):
        assert names(operation(schema, "entries/{id}"), "query") == {"verbose", "fields"}

    @pytest.mark.parametrize(
        ("path", "method", "required"), [("jobs", "post", True), ("jobs", "patch", False)]
    )
    def test_idempotent_operations_have_the_header(self, schema, path, method, required):
        found = {p["name"]: p for p in operation(schema, path, method)["parameters"]}

        assert found["Idempotency-Key"]["required"] is required

    def test_operations_that_ignore_the_header_do_not_show_it(self, schema):
        assert names(operation(schema, "predict", "post"), "header") == set()

    def test_operations_that_take_a_condition_say_so(self, schema):
        touch = operation(schema, "entries/{id}/touch", "post")

        assert "If-Match" in names(touch, "header")
        assert "412" in touch["responses"]
        assert "ETag" in touch["responses"]["412"]["headers"]
        assert "If-Match" not in names(operation(schema, "jobs", "post"), "header")

    def test_operations_that_need_a_condition_say_so(self, schema):
        touch = operation(schema, "entries/{id}/touch", "post")

        found = {p["name"]: p for p in touch["parameters"]}
        assert (found["If-Match"]["required"], "428" in touch["responses"]) == (True, True)

    def test_pages_are_described(self, schema):
        page = schema["components"]["schemas"]["EntryPage"]

        assert page["properties"].keys() == {"results", "next", "previous", "total"}
