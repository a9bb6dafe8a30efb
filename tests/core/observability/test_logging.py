"""docs/subsystems/telemetry.md, log lines: one object a line, no secret in it."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.observability.logging import JsonFormatter, redact
from core.observability.request_id import RequestContext, bind
from tests.core.api.callers import token_of

CANARY = "canary-9f2d"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnktOWYyZCJ9.c2lnbmF0dXJl"


def line_of(message, *args, exc_info=None, name="some.module", **extra):
    record = logging.LogRecord(name, logging.INFO, "x.py", 1, message, args, exc_info)
    vars(record).update(extra)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    assert "\r" not in text
    return json.loads(text)


class TestJsonFormatter:
    def test_is_one_object_with_time_level_and_logger(self):
        line = line_of("%s done", 3)

        assert (line["message"], line["level"], line["logger"]) == ("3 done", "info", "some.module")
        assert line["time"].endswith("+00:00")

    def test_carries_request_trace_and_task(self):
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        with bind(RequestContext("req_1", traceparent=trace, task_id="t1")):
            line = line_of("x")

        assert (line["request_id"], line["task_id"]) == ("req_1", "t1")
        assert line["trace_id"] == trace.split("-")[1]

    def test_fields_are_members_and_redacted(self):
        line = line_of("x", fields={"rows": 3, "api_key": CANARY, "note": f"Bearer {CANARY}"})

        assert (line["rows"], line["api_key"], line["note"]) == (
            3,
            "[redacted]",
            "Bearer [redacted]",
        )

    def test_an_exception_is_a_member_without_secrets(self):
        error = RuntimeError(f"password='{CANARY}'")

        line = line_of("x", exc_info=(type(error), error, error.__traceback__))

        assert "RuntimeError" in line["exception"]
        assert CANARY not in json.dumps(line)

    @pytest.mark.parametrize(
        "text",
        [
            "a\nINFO forged",
            "a\r\nb",
            "\x1b[31mred",
            "\x9b31m",
            "\u202eevil",
            "\u2028",
            "\x7f",
            "\ud800",
        ],
    )
    def test_nothing_in_it_ends_the_line_or_steers_a_terminal(self, text):
        record = logging.LogRecord("x", logging.INFO, "x.py", 1, text, (), None)

        written = JsonFormatter().format(record)

        assert written.isprintable()
        assert json.loads(written)["message"].startswith(text[0] if text[0] == "a" else "")

    def test_a_long_text_is_cut(self):
        assert len(line_of("x" * 100_000)["message"]) <= 8_001

    @given(st.text(st.characters()))
    def test_any_text_is_one_line_of_json(self, text):
        line_of("%s", text)


class TestRedact:
    @pytest.mark.parametrize(
        "text",
        [
            f"Authorization: Bearer {CANARY}",
            f"authorization=Basic {CANARY}",
            f"Bearer {CANARY}",
            f"token {JWT} seen",
            f"key sk_live_{CANARY}",
            f"oat_{CANARY}",
            f"dev_{CANARY}",
            f"postgresql://agora:{CANARY}@127.0.0.1/x",
            f"redis://:{CANARY}@127.0.0.1",
            f"password={CANARY}",
            f"{{'password': '{CANARY} with spaces'}}",
            f'{{"refresh_token": "{CANARY}"}}',
            f"PGPASSWORD={CANARY}",
            f"client_secret: {CANARY}",
            f"x-api-key: {CANARY}",
            f"Set-Cookie: sessionid={CANARY}; Path=/",
        ],
    )
    def test_takes_credentials_out(self, text):
        assert CANARY not in redact(text)
        assert "c2lnbmF0dXJl" not in redact(text)

    @pytest.mark.parametrize(
        "text",
        [
            "plain words",
            "3 tokens were purged",
            "basic",
            "https://example.org/a?b=c",
            "the secret is out",
        ],
    )
    def test_leaves_the_rest_alone(self, text):
        assert redact(text) == text

    @pytest.mark.parametrize(
        "text", ["token=" + '"' * 50_000, "a" * 50_000, "://" * 20_000, "bearer " * 9_000]
    )
    def test_takes_no_long_time(self, text):
        import time

        started = time.process_time()
        redact(text[:8_000])

        assert time.process_time() - started < 0.5


class TestNothingLeaks:
    """Canaries in every part of a request; whatever the answer, no line has them."""

    @pytest.mark.parametrize(
        "path",
        [
            "/api/v1/echo",
            "/api/v1/who",
            "/api/v1/things",
            "/api/v1/fail/unforeseen",
            "/api/v1/fail/operational",
            "/api/v1/nowhere",
            f"/api/v1/{CANARY}",
            f"/{CANARY}",
            "/broken",
            "/page",
            "/api/v1/small",
        ],
    )
    @pytest.mark.parametrize("method", ["get", "post"])
    @pytest.mark.parametrize("query", ["", f"?name={CANARY}", f"?token={CANARY}", f"?{CANARY}=1"])
    def test_of_a_request(  # noqa: PLR0913, PLR0917 - three of them are parameters
        self, anyone, log_lines, capfd, path, method, query
    ):
        body = json.dumps({"name": CANARY, "password": CANARY, CANARY: 1, "pad": "x" * 100})

        getattr(anyone, method)(
            path + query,
            body if method == "post" else None,
            content_type="application/json",
            headers={
                "authorization": f"Bearer {CANARY}",
                "cookie": f"sessionid={CANARY}",
                "idempotency-key": CANARY,
                "x-api-key": CANARY,
                "user-agent": CANARY,
                "referer": f"https://x/?{CANARY}",
            },
        )

        assert log_lines()
        assert CANARY not in json.dumps(log_lines())
        assert CANARY not in capfd.readouterr().err

    def test_of_a_token_that_was_good(self, anyone, log_lines):
        token = token_of()

        anyone.get("/api/v1/who", headers={"authorization": f"Bearer {token}"})

        assert token not in json.dumps(log_lines())
