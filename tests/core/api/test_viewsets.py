"""docs/subsystems/requests.md, the order of checks in a view."""

import pytest

from core.api.refusals import NotAcceptableError
from core.api.requests import accept, media_type_of
from tests.core.api import urls

ECHO = "/api/v1/echo"


class TestMethods:
    @pytest.mark.parametrize("method", ["TRACE", "FOO", "POST", "CONNECT", "PROPFIND"])
    def test_that_a_view_does_not_have_are_405_with_allow(self, anyone, assert_problem, method):
        response = anyone.generic(method, "/api/v1/csv")

        assert_problem(response, 405, "method_not_allowed")
        assert response["Allow"] == "GET, HEAD, OPTIONS"

    def test_that_a_view_does_not_have_are_401_for_a_stranger_where_nothing_is_public(
        self, anyone, caller, assert_problem
    ):
        assert_problem(anyone.put("/api/v1/predict"), 401, "not_authenticated")
        assert_problem(caller().put("/api/v1/predict"), 405, "method_not_allowed")

    def test_that_a_view_does_not_have_are_401_for_a_bad_credential_everywhere(
        self, anyone, assert_problem
    ):
        response = anyone.put("/api/v1/csv", headers={"Authorization": "Bearer nonsense"})

        assert_problem(response, 401, "invalid_token")

    def test_of_a_viewset_are_its_actions(self, anyone, assert_problem):
        response = anyone.delete("/api/v1/entries")

        assert_problem(response, 405, "method_not_allowed")
        assert response["Allow"] == "GET, HEAD, OPTIONS"

    @pytest.mark.parametrize(
        "header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"]
    )
    def test_cannot_be_overridden_by_a_header(self, anyone, header):
        response = anyone.get(ECHO, headers={header: "DELETE"})

        assert (response.status_code, response.json()) == (200, {"name": None})

    def test_options_says_allow_and_nothing_else(self, anyone):
        response = anyone.options("/api/v1/who")

        assert (response.status_code, response.content) == (204, b"")
        assert response["Allow"] == "GET, POST, PUT, DELETE, HEAD, OPTIONS"
        assert "Content-Type" not in response

    def test_head_is_get_without_a_body(self, anyone, db):
        for path in (ECHO, "/api/v1/entries"):
            got, head = anyone.get(path), anyone.head(path)

            assert (head.status_code, head.content) == (200, b"")
            assert head["Content-Type"] == got["Content-Type"]

    def test_204_has_no_content_type(self, anyone):
        response = anyone.delete(ECHO)

        assert (response.status_code, response.content) == (204, b"")
        assert "Content-Type" not in response


class TestAccept:
    @pytest.mark.parametrize(
        "header",
        [
            "application/xml",
            ";;;",
            "text/html",
            "application/json;q=0",
            "*/*;q=0",
            "application/json;q=x",
            "application/json;q=2",
            "json",
            "x" * 2_000,
            "application/json, " * 200,
        ],
    )
    def test_of_something_else_is_406(self, anyone, assert_problem, header):
        assert_problem(anyone.get(ECHO, headers={"accept": header}), 406, "not_acceptable")

    @pytest.mark.parametrize(
        "header",
        [
            "*/*",
            "application/json",
            "APPLICATION/JSON",
            "application/*",
            "text/html, */*;q=0.1",
            "",
            "application/json; charset=utf-8",
            "application/xml;q=0.9, application/json;q=0.2",
        ],
    )
    def test_of_json_is_answered(self, anyone, header):
        headers = {"accept": header} if header else {}

        assert anyone.get(ECHO, headers=headers)["Content-Type"] == "application/json"

    @pytest.mark.parametrize(
        ("header", "chosen"),
        [
            (None, "text/csv"),
            ("application/json", "application/json"),
            ("text/csv;q=0.5, application/json", "application/json"),
            ("text/csv;q=0.5, application/json;q=0.5", "text/csv"),
            ("text/csv;q=0, */*", "application/json"),
        ],
    )
    def test_chooses_among_what_a_view_offers(self, header, chosen):
        assert accept(header, ("text/csv", "application/json")) == chosen

    def test_refuses_before_authentication_is_asked_for(self, anyone, assert_problem):
        response = anyone.get("/api/v1/who", headers={"accept": "image/png"})

        assert_problem(response, 406, "not_acceptable")

    def test_a_streamed_answer_keeps_its_type(self, anyone):
        response = anyone.get("/api/v1/csv", headers={"accept": "text/csv"})

        assert (response["Content-Type"], response.getvalue()) == ("text/csv", b"a\n1\n")

    def test_with_nothing_to_offer_raises(self):
        with pytest.raises(NotAcceptableError):
            accept("text/csv", ("application/json",))


class TestBody:
    @pytest.mark.parametrize(
        "content_type",
        [
            "text/plain",
            "application/xml",
            "///",
            "application/x-www-form-urlencoded",
            "json",
            "",
            "application/json; charset=utf-7",
            "application/json; charset=bogus",
            "application/json;charset=latin-1",
            "multipart/form-data; boundary=x",
            "application/json" + "x" * 2_000,
        ],
    )
    def test_in_another_form_is_415(self, anyone, assert_problem, content_type):
        response = anyone.generic("POST", ECHO, b'{"a":1}', content_type=content_type)

        assert_problem(response, 415, "unsupported_media_type")
        assert urls.CALLS == []

    @pytest.mark.parametrize(
        "content_type",
        [
            "application/json",
            "Application/JSON",
            "application/json; charset=UTF-8",
            'application/json; charset="utf-8"',
        ],
    )
    def test_in_json_is_read(self, anyone, content_type):
        response = anyone.generic("POST", ECHO, b'{"a":1}', content_type=content_type)

        assert response.json() == {"data": {"a": 1}}

    @pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"1", b"true"])
    def test_that_is_no_object_is_400(self, anyone, assert_problem, body):
        response = anyone.generic("POST", ECHO, body, content_type="application/json")

        assert_problem(response, 400, "validation_failed")
        assert urls.CALLS == []

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b'{"a":', "malformed_json"),
            (b'{"a":1} trailing', "malformed_json"),
            (b'\xef\xbb\xbf{"a":1}', "malformed_json"),
            ('{"a":1}'.encode("utf-16"), "malformed_json"),
            (b'{"a":NaN}', "malformed_json"),
            (b"[" * 100_000, "json_too_deep"),
            (b'{"a":1,"a":2}', "duplicate_key"),
            (b'{"a":1e400}', "number_out_of_range"),
            (b'{"a":' + b"1" * 5_000 + b"}", "number_out_of_range"),
            (b'{"a":"\\u0000"}', "forbidden_character"),
            (b'{"a":"\\ud800"}', "forbidden_character"),
        ],
    )
    def test_that_breaks_a_rule_of_json_is_400(self, anyone, assert_problem, body, code):
        response = anyone.generic("POST", ECHO, body, content_type="application/json")

        assert_problem(response, 400, code)
        assert urls.CALLS == []

    def test_that_is_empty_is_an_empty_object(self, anyone):
        assert anyone.generic("POST", ECHO, b"", content_type="").json() == {"data": {}}

    def test_of_a_get_is_not_read(self, anyone):
        assert anyone.generic("GET", ECHO, b"{", content_type="application/json").status_code == 200

    @pytest.mark.parametrize("content_type", ["a/b;charset=x", "a/b", "///", ";", "a" * 5_000])
    def test_media_types_are_parsed_without_failing(self, content_type):
        assert len(media_type_of(content_type)) == 2


class TestParameters:
    def test_that_are_unknown_are_400_and_named(self, anyone, assert_problem):
        response = anyone.get(ECHO + "?name=x&nmae=y&page=1")

        problem = assert_problem(
            response, 400, "unknown_parameter", at=("nmae", "unknown_parameter")
        )
        assert [e["parameter"] for e in problem["errors"]] == ["nmae", "page"]
        assert problem["detail"] == "Known here: name."

    @pytest.mark.parametrize(
        ("query", "code"), [("name=a&name=b", "duplicate"), ("name=", "blank"), ("name", "blank")]
    )
    def test_twice_or_empty_are_400(self, anyone, assert_problem, query, code):
        assert_problem(anyone.get(f"{ECHO}?{query}"), 400, "invalid_parameter", at=("name", code))

    def test_that_are_known_are_read(self, anyone):
        assert anyone.get(ECHO + "?name=%C3%A9").json() == {"name": "é"}

    def test_belong_to_an_operation(self, anyone, assert_problem, db):
        assert_problem(anyone.get("/api/v1/entries?verbose=1"), 400, "unknown_parameter")

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_are_checked_for_every_method(self, anyone, assert_problem, method):
        response = getattr(anyone, method)(ECHO + "?x=1", content_type="application/json")

        assert_problem(response, 400, "unknown_parameter")
        assert urls.CALLS == []

    def test_format_changes_nothing(self, anyone, assert_problem):
        assert_problem(anyone.get(ECHO + "?format=xml"), 400, "unknown_parameter")


class TestOrder:
    def test_nobody_learns_about_bodies_without_a_credential(self, anyone, assert_problem):
        response = anyone.generic("POST", "/api/v1/who", b"{", content_type="application/json")

        assert_problem(response, 401, "not_authenticated")

    def test_nobody_is_charged_by_weight_before_the_body_is_read(self, caller, assert_problem):
        client = caller("predictions:create")

        response = client.generic("POST", "/api/v1/predict", b"{", content_type="application/json")

        assert_problem(response, 400, "malformed_json")
        assert '"predict-burst";r=19999;' in response["RateLimit"]

    def test_a_prediction_costs_its_rows_and_no_query(self, caller, django_assert_num_queries, db):
        with django_assert_num_queries(0):
            response = caller("predictions:create").post(
                "/api/v1/predict", {"features": [[1, 2], [3, 4.5]]}, content_type="application/json"
            )

        assert response.json() == {"prediction": [[3], [7.5]]}
        assert '"predict-burst";r=19998;' in response["RateLimit"]
