"""Access lines gathered for a moment: all of them, whole, in order, in no request's way."""

import io
import json
import os
import threading
import time
import warnings

import pytest

from core.observability import access
from core.observability.access import AccessLine, AccessLog

LINE = AccessLine(1_790_000_000.25, "req_1", "", None, None, "GET", "api/v1/who", 200, 0.0015, 12)


@pytest.fixture
def written(monkeypatch):
    """What has been written, a text a call."""
    texts = []
    monkeypatch.setattr(AccessLog, "emit", staticmethod(texts.append))
    return texts


def numbers_in(texts):
    return [json.loads(line)["status"] for text in texts for line in text.splitlines()]


def wait_for(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Gone(io.StringIO):
    def write(self, _):
        raise BrokenPipeError


class TestAccessLog:
    def test_a_line_has_these_members(self, written):
        AccessLog().note(LINE._replace(traceparent=f"00-{'a' * 32}-{'b' * 16}-01"))

        assert json.loads(written[0]) == {
            "time": "2026-09-21T14:13:20.250+00:00",
            "level": "info",
            "logger": "agora.access",
            "message": "request",
            "request_id": "req_1",
            "trace_id": "a" * 32,
            "user_id": None,
            "method": "GET",
            "route": "api/v1/who",
            "status": 200,
            "ms": 1.5,
            "bytes": 12,
            "application_id": None,
        }

    def test_in_the_background_lines_are_written_together_and_in_order(self, written, settings):
        settings.ACCESS_LOG_IN_BACKGROUND = True
        log = AccessLog()

        for number in range(300):
            log.note(LINE._replace(status=number))
        wait_for(lambda: len(numbers_in(written)) == 300)

        assert numbers_in(written) == list(range(300))
        assert len(written) <= 2

    def test_lines_of_many_threads_all_arrive(self, written, settings, monkeypatch):
        monkeypatch.setattr(access, "WRITE_SECONDS", 0.001)
        settings.ACCESS_LOG_IN_BACKGROUND = True
        log = AccessLog()

        def noting(first):
            for number in range(first, first + 500):
                log.note(LINE._replace(status=number))

        threads = [threading.Thread(target=noting, args=(first,)) for first in range(0, 4_000, 500)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: len(numbers_in(written)) == 4_000)

        assert sorted(numbers_in(written)) == list(range(4_000))

    def test_when_the_stream_is_stuck_lines_are_lost_and_counted_and_nobody_waits(
        self, monkeypatch, settings
    ):
        settings.ACCESS_LOG_IN_BACKGROUND = True
        monkeypatch.setattr(access, "LINES_MAX", 10)
        monkeypatch.setattr(access, "WRITE_SECONDS", 0.001)
        stuck = threading.Event()
        monkeypatch.setattr(AccessLog, "emit", staticmethod(lambda _: stuck.wait(10)))
        lost = access.LOST._value.get()
        log = AccessLog()
        log.note(LINE)
        wait_for(lambda: not log._lines)

        for _ in range(15):
            log.note(LINE)

        assert access.LOST._value.get() - lost == 5
        stuck.set()

    def test_a_stream_that_is_gone_fails_nobody(self, monkeypatch):
        stream = Gone()
        monkeypatch.setattr("sys.stderr", stream)

        AccessLog().note(LINE)

        assert stream.getvalue() == ""

    def test_below_info_nothing_is_gathered(self, written, caplog):
        caplog.set_level("WARNING", logger="agora.access")

        AccessLog().note(LINE)

        assert written == []

    def test_a_forked_child_does_not_write_what_its_parent_holds(self, written, settings):
        settings.ACCESS_LOG_IN_BACKGROUND = True
        log = AccessLog()
        log.note(LINE)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: of threads, which wait
            child = os.fork()
        if child == 0:
            os._exit(len(log._lines))

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
