"""docs/subsystems/errors.md, case by case."""

import json

import psycopg2
import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions as drf

from core.api.errors import STATUS_OF, csrf_failure, problem_of, status_of
from core.api.problems import Problem, known_errors, render_problem
from core.api.refusals import InsufficientScopeError, MethodNotAllowedError
from core.errors import ConflictError, DomainError, FieldError, InvalidError, NotFoundError


class TestStatusOf:
    @pytest.mark.parametrize(("family", "status"), STATUS_OF.items(), ids=str)
    def test_a_subclass_has_its_familys_status(self, family, status):
        kind = type("SomeError", (family,), {})

        assert (status_of(family), status_of(kind)) == (status, status)

    def test_a_class_of_no_family_is_our_fault(self):
        assert status_of(DomainError) == 500


class TestProblemOf:
    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            (drf.ParseError(), 400, "malformed_body"),
            (drf.NotAuthenticated(), 401, "not_authenticated"),
            (drf.AuthenticationFailed(), 401, "not_authenticated"),
            (drf.PermissionDenied(), 403, "permission_denied"),
            (drf.NotFound(), 404, "not_found"),
            (drf.MethodNotAllowed("GET"), 405, "method_not_allowed"),
            (drf.NotAcceptable(), 406, "not_acceptable"),
            (drf.UnsupportedMediaType("x/y"), 415, "unsupported_media_type"),
            (drf.Throttled(3), 429, "rate_limited"),
            (drf.APIException(), 500, "internal_error"),
            (Http404("No User matches"), 404, "not_found"),
            (PermissionDenied(), 403, "permission_denied"),
            (SuspiciousOperation("x"), 400, "validation_failed"),
            (RequestDataTooBig(), 413, "body_too_large"),
            (DataError("value out of range"), 400, "unstorable_value"),
            (InterfaceError("connection already closed"), 503, "database_unavailable"),
            (OperationalError("could not connect"), 503, "database_unavailable"),
            (KeyError("secret"), 500, "internal_error"),
        ],
        ids=lambda x: getattr(type(x), "__name__", x) if isinstance(x, Exception) else None,
    )
    def test_translates_what_django_and_drf_raise(self, error, status, code):
        problem = problem_of(error)

        assert (problem.status, problem.code) == (status, code)
        assert "No User matches" not in problem.detail
        assert "secret" not in problem.detail
        assert "value out of range" not in problem.detail

    @pytest.mark.parametrize(
        ("sqlstate", "code"),
        [
            ("57014", "statement_timeout"),
            ("55P03", "lock_timeout"),
            ("40P01", "lock_timeout"),
            ("40001", "lock_timeout"),
            ("53300", "database_unavailable"),
        ],
    )
    def test_tells_apart_why_the_database_did_not_answer(self, sqlstate, code):
        error = OperationalError("…")
        error.__cause__ = type("Cause", (psycopg2.Error,), {"pgcode": sqlstate})()

        problem = problem_of(error)

        assert (problem.status, problem.code, problem.headers) == (503, code, {"Retry-After": "1"})

    def test_flattens_validation_errors_to_pointers(self):
        detail = {
            "name": [drf.ErrorDetail("Too long.", code="max_length")],
            "items": [{}, {"quantity": [drf.ErrorDetail("No.", code="min_value")]}],
            "lines": {2: {"a/b~c": ["Odd."]}},
            "non_field_errors": ["Contradicts itself."],
        }

        problem = problem_of(drf.ValidationError(detail))

        assert (problem.status, problem.code, problem.detail) == (
            400,
            "validation_failed",
            "4 fields are invalid.",
        )
        assert [(e.pointer, e.code) for e in problem.errors] == [
            ("#/name", "max_length"),
            ("#/items/1/quantity", "min_value"),
            ("#/lines/2/a~1b~0c", "invalid"),
            ("#", "invalid"),
        ]

    def test_lists_at_most_fifty_faults(self):
        problem = problem_of(drf.ValidationError({f"f{n}": ["No."] for n in range(200)}))

        assert len(problem.errors) == 50

    def test_a_401_names_the_scheme_and_whether_the_token_was_bad(self):
        error = drf.NotAuthenticated()

        without, sent = problem_of(error), problem_of(error, token_sent=True)

        assert without.headers == {"WWW-Authenticate": 'Bearer realm="agora"'}
        assert sent.headers == {"WWW-Authenticate": 'Bearer realm="agora", error="invalid_token"'}

    def test_a_missing_scope_is_named_in_the_challenge(self):
        problem = problem_of(InsufficientScopeError(required_scope="models:write"))

        assert problem.headers["WWW-Authenticate"] == (
            'Bearer realm="agora", error="insufficient_scope", scope="models:write"'
        )

    def test_a_405_lists_what_is_allowed(self):
        problem = problem_of(MethodNotAllowedError(allowed=["GET", "OPTIONS"]))

        assert problem.headers == {"Allow": "GET, OPTIONS"}

    def test_an_errors_own_members_and_wait_go_out(self):
        problem = problem_of(ConflictError("Sold out.", retry_after=4, available=0))

        assert (problem.headers, problem.extra) == ({"Retry-After": "4"}, {"available": 0})


class TestRenderProblem:
    def test_is_rfc_9457(self, rf):
        fault = FieldError("blank", "Needed.", pointer="#/name")

        response = render_problem(
            rf.get("/api/v1/things?secret=1"),
            Problem(
                400, "validation_failed", "Not valid.", "One.", (fault,), {"X-A": "b"}, {"hint": 1}
            ),
        )

        assert response["Content-Type"] == "application/problem+json"
        assert response["X-A"] == "b"
        assert json.loads(response.content) == {
            "type": "/problems/validation_failed",
            "title": "Not valid.",
            "status": 400,
            "detail": "One.",
            "instance": "/api/v1/things",
            "code": "validation_failed",
            "request_id": "",
            "errors": [{"pointer": "#/name", "code": "blank", "detail": "Needed."}],
            "hint": 1,
        }

    def test_extra_members_cannot_replace_the_standard_ones(self, rf):
        problem = Problem(409, "conflict", "No.", "No.", extra={"status": 200, "code": "fine"})

        document = json.loads(render_problem(rf.get("/api/v1/x"), problem).content)

        assert (document["status"], document["code"]) == (409, "conflict")

    def test_text_that_is_not_unicode_goes_out_escaped(self, rf):
        problem = Problem(
            400, "x", "No.", "Bad \ud800.", (FieldError("a", "b", pointer="#/\udfff"),)
        )

        document = json.loads(render_problem(rf.get("/api/v1/x"), problem).content)

        assert document["detail"] == "Bad \\ud800."

    @pytest.mark.parametrize("path", ["/api/v1/x", "/api/schema", "/api"])
    def test_is_never_html_under_api(self, rf, path):
        response = render_problem(
            rf.get(path, headers={"accept": "text/html"}), Problem(404, "x", "t", "d")
        )

        assert response["Content-Type"] == "application/problem+json"

    def test_is_a_page_for_a_browser_elsewhere_and_escapes(self, rf):
        response = render_problem(
            rf.get("/x", headers={"accept": "text/html,*/*"}), Problem(404, "x", "t", "<script>")
        )

        assert response["Content-Type"] == "text/html; charset=utf-8"
        assert b"&lt;script&gt;" in response.content
        assert b"<script>" not in response.content

    def test_says_nothing_twice_on_a_page(self, rf):
        request = rf.get("/x", headers={"accept": "text/html"})

        page = render_problem(request, Problem(404, "x", "Gone fishing.", "Gone fishing."))

        assert page.content.count(b"<p>Gone fishing.") == 0


class TestKnownErrors:
    def test_every_code_has_one_title_and_a_4xx_or_5xx_status(self):
        for code, error in known_errors().items():
            assert code == error.code
            assert error.title.endswith(".")
            assert 400 <= status_of(error) < 600

    def test_holds_families_and_refusals(self):
        known = known_errors()

        assert known["validation_failed"] is InvalidError
        assert known["not_found"] is NotFoundError
        assert {"malformed_json", "rate_limited", "insufficient_scope"} <= known.keys()


class TestFailures:
    """Through the whole stack."""

    @pytest.mark.parametrize(
        ("kind", "status", "code"),
        [
            ("invalid", 400, "validation_failed"),
            ("conflict", 409, "conflict"),
            ("data", 400, "unstorable_value"),
            ("unavailable", 503, "unavailable"),
            ("operational", 503, "database_unavailable"),
            ("interface", 503, "database_unavailable"),
            ("unforeseen", 500, "internal_error"),
        ],
    )
    def test_what_a_view_raises_is_a_problem(self, anyone, assert_problem, kind, status, code):
        assert_problem(anyone.get(f"/api/v1/fail/{kind}"), status, code)

    def test_members_of_the_error_are_in_the_problem(self, anyone, assert_problem):
        problem = assert_problem(anyone.get("/api/v1/fail/invalid"), 400, "validation_failed")

        assert (problem["detail"], problem["hint"]) == ("Wrong.", "look")

    def test_retry_after_is_the_errors_own(self, anyone):
        assert anyone.get("/api/v1/fail/unavailable")["Retry-After"] == "7"

    def test_the_unforeseen_is_logged_once_and_says_nothing_outside(
        self, anyone, log_lines, assert_problem
    ):
        response = anyone.get("/api/v1/fail/unforeseen")

        problem = assert_problem(response, 500, "internal_error")
        errors = [line for line in log_lines() if line["level"] == "error"]
        assert [line["request_id"] for line in errors] == [problem["request_id"]]
        assert "Secret" in errors[0]["exception"]
        assert b"canary" not in response.content
        assert "canary" not in json.dumps(errors)

    def test_a_broken_page_is_logged_once_and_a_problem(self, anyone, log_lines, assert_problem):
        response = anyone.get("/broken")

        assert_problem(response, 500, "internal_error")
        errors = [line for line in log_lines() if line["level"] == "error"]
        assert len(errors) == 1
        assert "Secret" in errors[0]["exception"]

    def test_the_foreseen_is_not_logged_as_an_error(self, anyone, log_lines):
        anyone.get("/api/v1/fail/conflict")

        assert [line["logger"] for line in log_lines()] == ["agora.access"]

    @pytest.mark.parametrize(
        "path", ["/nowhere", "/api/v1/nowhere", "/api/v1/", "/api/v1", "/api/v1/echo/"]
    )
    def test_an_unknown_url_is_a_404_problem(self, anyone, assert_problem, path):
        assert_problem(anyone.get(path), 404, "not_found")

    @pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
    def test_an_unknown_route_is_404_for_any_method(self, anyone, assert_problem, method):
        response = getattr(anyone, method)("/api/v1/nowhere", content_type="application/json")

        assert_problem(response, 404, "not_found")

    def test_a_csrf_failure_is_a_403_problem(self, rf, assert_problem):
        response = csrf_failure(rf.post("/admin/login/"), "CSRF cookie not set.")

        assert response.status_code == 403
        assert json.loads(response.content)["code"] == "csrf_failed"
