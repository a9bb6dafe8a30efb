"""The loop of the errors guide, word for word, against a server that fails as the table says."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request

import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs/guides/errors.md"
PROGRAM = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def server():
    """Answers what `answers` holds, one after the other; `met` has the keys that came."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            server.met.append(self.headers["Idempotency-Key"])
            status, headers = server.answers.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b'{"done": true}')

        def log_message(self, *_): ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.answers, server.met = [], []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def call(server, monkeypatch):
    names = {}
    exec(PROGRAM.search(GUIDE.read_text())[1], names)  # noqa: S102 - our own guide
    slept = []
    monkeypatch.setattr(names["time"], "sleep", slept.append)
    request = Request(
        f"http://127.0.0.1:{server.server_port}/",
        data=json.dumps({}).encode(),
        headers={"Idempotency-Key": "one"},
    )

    def send():
        return names["call"](request), slept

    return send


class TestLoop:
    def test_sends_the_same_call_until_there_is_an_answer(self, server, call):
        server.answers = [(503, {"Retry-After": "2"}), (409, {"Retry-After": "1"}), (200, {})]

        answer, slept = call()

        assert answer == {"done": True}
        assert server.met == ["one", "one", "one"]
        assert 2 <= slept[0] <= 2.5
        assert 1 <= slept[1] <= 2

    @pytest.mark.parametrize("refusal", [(400, {}), (409, {}), (412, {}), (422, {})])
    def test_leaves_a_refusal_alone(self, server, call, refusal):
        server.answers = [refusal]

        with pytest.raises(HTTPError) as refused:
            call()

        refused.value.close()
        assert len(server.met) == 1

    def test_gives_up_after_five(self, server, call):
        server.answers = [(503, {})] * 5

        with pytest.raises(HTTPError) as refused:
            call()

        refused.value.close()
        assert len(server.met) == 5
