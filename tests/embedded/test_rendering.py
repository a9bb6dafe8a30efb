"""What of a child's log is shown on the terminal."""

from __future__ import annotations

import io
import json

import pytest

from embedded.banner import curl_lines
from embedded.console import Console
from embedded.follower import Follower, Source
from embedded.rendering import every_line, platform_lines, postgres_lines, redis_lines


def record(**fields):
    return json.dumps({"time": "t", "level": "info", "logger": "core", "message": "m", **fields})


def request(**fields):
    values = {"method": "GET", "route": "api/v1/me", "status": 200, "ms": 3.6, "request_id": "r"}
    return record(logger="agora.access", **{**values, **fields})


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (request(), ["GET /api/v1/me 200 4 ms  r"]),
        (request(route="readyz"), []),
        (request(route="readyz", status=503), ["GET /readyz 503 4 ms  r"]),
        (record(), []),
        (record(level="warning", waiting=3), ["WARNING m waiting=3"]),
        (record(level="error", exception="one\ntwo"), ["ERROR m", "one", "two"]),
        ("Traceback (most recent call last):", ["Traceback (most recent call last):"]),
        ("INFO: Created TensorFlow Lite XNNPACK delegate for CPU.", []),
        ("", []),
        ("{not json", ["{not json"]),
        ('{"a": 1}', ['{"a": 1}']),
    ],
)
def test_lines_of_the_platform(line, shown):
    assert list(platform_lines(line)) == shown


@pytest.mark.parametrize(
    ("line", "is_shown"),
    [
        ("2026-11-23 [1] LOG:  checkpoint starting", False),
        ("2026-11-23 [1] FATAL:  the database system is starting up", False),
        ("2026-11-23 [1] FATAL:  terminating connection", True),
        ("2026-11-23 [1] ERROR:  deadlock detected", True),
    ],
)
def test_lines_of_postgresql(line, is_shown):
    assert list(postgres_lines(line)) == [line] * is_shown


def test_lines_of_redis():
    assert list(redis_lines("1:M # Server initialized")) == []
    assert list(redis_lines("1:M # Can't save in background: fork: Cannot allocate memory"))


def test_a_follower_shows_whole_lines_and_survives_a_log_begun_again(tmp_path):
    log, terminal = tmp_path / "log", io.StringIO()
    log.write_text("old\n")
    follower = Follower(Console(terminal))
    follower.add(Source("web", log, every_line))

    with log.open("a") as file:
        file.write("first\nsec")
    follower.read_all()
    assert terminal.getvalue() == "web      | first\n"

    with log.open("a") as file:
        file.write("ond\n")
    follower.read_all()
    log.write_text("new\n")
    follower.read_all()

    assert terminal.getvalue() == "web      | first\nweb      | second\nweb      | new\n"


def test_a_terminal_that_is_gone_stops_nobody():
    terminal = io.StringIO()
    terminal.close()

    Console(terminal).say("into the void")


def test_quotes_in_a_row_do_not_break_the_curl_lines():
    lines = curl_lines("http://[::1]:8000", [{"name": "it's"}])

    assert len(lines) == 3
    assert "curl -sSg http://[::1]:8000/api/v1/predict " in lines[1]
    assert """'{"features":{"name":"it'"'"'s"}}'""" in lines[1]
