"""docs/subsystems/telemetry.md, request ids and access lines."""

import re

import pytest

from core.observability.request_id import (
    NO_REQUEST,
    RequestContext,
    bind,
    checked_traceparent,
    current,
)
from tests.core.api.callers import ALICE, token_of

ECHO = "/api/v1/echo"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def only_line(log_lines):
    (line,) = [line for line in log_lines() if line["logger"] == "agora.access"]
    return line


class TestRequestId:
    @pytest.mark.parametrize(
        "path",
        [
            ECHO,
            "/page",
            "/livez",
            "/nowhere",
            "/api/v1/nowhere",
            "/broken",
            "/api/v1/fail/unforeseen",
        ],
    )
    def test_is_on_every_answer(self, anyone, path):
        assert re.fullmatch(r"req_[0-9a-f]{12}7[0-9a-f]{19}", anyone.get(path)["X-Request-Id"])

    def test_is_the_servers_own(self, anyone):
        first = anyone.get(ECHO, headers={"x-request-id": "req_mine"})
        second = anyone.get(ECHO, headers={"x-request-id": "req_mine"})

        assert len({first["X-Request-Id"], second["X-Request-Id"], "req_mine"}) == 3

    def test_ends_with_the_request(self, anyone):
        anyone.get(ECHO)

        assert current() is NO_REQUEST


class TestTraceparent:
    def test_that_is_well_formed_is_kept(self, anyone, log_lines):
        anyone.get(ECHO, headers={"traceparent": TRACE})

        assert only_line(log_lines)["trace_id"] == "0af7651916cd43dd8448eb211c80319c"

    @pytest.mark.parametrize(
        "value",
        [
            None,
            "",
            "x",
            TRACE.upper(),
            TRACE + "-x",
            "01" + TRACE[2:],
            TRACE[:-1],
            TRACE + "\n",
            "00-" + "0" * 32 + "-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        ],
    )
    def test_that_is_not_is_dropped(self, value):
        assert checked_traceparent(value) == ""


class TestAccessLine:
    def test_says_what_happened_and_to_whom(self, anyone, log_lines):
        response = anyone.get("/api/v1/who", headers={"authorization": f"Bearer {token_of()}"})

        line = only_line(log_lines)
        assert line.pop("ms") > 0
        assert line.pop("time").endswith("+00:00")
        assert line == {
            "level": "info",
            "logger": "agora.access",
            "message": "request",
            "request_id": response["X-Request-Id"],
            "user_id": str(ALICE),
            "application_id": None,
            "method": "GET",
            "route": "api/v1/who",
            "status": 200,
            "bytes": len(response.content),
        }

    @pytest.mark.parametrize(
        ("path", "route", "status"),
        [
            ("/api/v1/fail/unforeseen?x=1", "api/v1/fail/<slug:kind>", 400),
            ("/api/v1/fail/conflict", "api/v1/fail/<slug:kind>", 409),
            ("/api/v1/secret-path", "unrouted", 404),
            ("/secret-path", "unrouted", 404),
            ("/broken", "broken", 500),
        ],
    )
    def test_names_the_route_and_never_the_path(self, anyone, log_lines, path, route, status):
        anyone.get(path)

        line = only_line(log_lines)
        assert (line["route"], line["status"]) == (route, status)
        assert "secret-path" not in str(line)

    def test_of_a_made_up_method_does_not_repeat_it(self, anyone, log_lines):
        anyone.generic("CANARY", ECHO)

        assert only_line(log_lines)["method"] == "OTHER"

    def test_of_a_streamed_answer_has_no_size(self, anyone, log_lines):
        anyone.get("/api/v1/csv").getvalue()

        assert only_line(log_lines)["bytes"] is None


class TestBind:
    def test_binds_for_a_while_and_nests(self):
        with bind(RequestContext("outer")), bind(RequestContext("inner", task_id="t")) as inner:
            assert current() is inner

        assert current() is NO_REQUEST

    def test_is_released_by_an_error(self):
        with pytest.raises(ValueError, match="x"), bind(RequestContext("outer")):
            raise ValueError("x")

        assert current() is NO_REQUEST
