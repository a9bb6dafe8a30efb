"""The load generator counts what the server counts, and takes only the answer it was told."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import loading
import pytest

ANSWER = b'{"prediction": [[0.5]]}'
CONNECTIONS = 4
LENGTH = len(ANSWER)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        with server.lock:
            server.seen.append((self.path, self.headers["X-Mark"], body))
        time.sleep(server.pause)
        self.send_response(server.status)
        if server.form == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            half = len(ANSWER) // 2
            for part in (ANSWER[:half], ANSWER[half:]):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
            return
        if server.form == "closing":
            self.send_header("Connection", "close")
        self.send_header("Content-Length", str(len(ANSWER) + (server.form == "broken")))
        self.end_headers()
        self.wfile.write(ANSWER)
        self.close_connection = server.form in {"closing", "broken"}

    def log_message(self, *_):
        """Nothing: thousands of lines."""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return loading.build(tmp_path_factory.mktemp("loadgen"))


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.lock, server.seen = threading.Lock(), []
    server.status, server.form, server.pause = 200, "keeping", 0.0
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def load(program, server, tmp_path):
    def run(*, body=b'{"features": [1]}', seconds=0.3, warmup=0.1, body_bytes=LENGTH):
        port = server.server_address[1]
        request = tmp_path / "request"
        request.write_bytes(loading.http_request("/predict", port, {"X-Mark": "mine"}, body))
        return loading.run(
            program,
            port=port,
            request=request,
            connections=CONNECTIONS,
            warmup=warmup,
            seconds=seconds,
            body_bytes=body_bytes,
        )

    return run


@pytest.mark.parametrize("form", ["keeping", "closing", "chunked"])
def test_it_counts_what_the_server_counts(load, server, form):
    server.form = form
    found = load()
    assert found.errors == 0, found.first_error
    assert found.answered == len(server.seen)
    assert 0 < found.requests < found.answered  # the warm-up is not counted
    assert set(server.seen) == {("/predict", "mine", b'{"features": [1]}')}


def test_a_large_body_arrives_whole(load, server):
    body = b"x" * 900_000
    found = load(body=body)
    assert found.errors == 0, found.first_error
    assert {seen for _, _, seen in server.seen} == {body}


def test_latencies_are_what_the_server_takes(load, server):
    server.pause = 0.05  # seconds
    found = load(seconds=0.5)
    assert 50 <= found.p50_ms <= found.p99_ms < 400
    # A closed loop: never more at once than connections.
    assert found.rate <= CONNECTIONS / server.pause


def test_what_is_under_way_at_the_end_is_waited_for(load, server):
    server.pause = 0.4  # seconds; longer than warm-up and window together
    found = load(seconds=0.2)
    assert (found.requests, found.answered, found.errors) == (0, CONNECTIONS, 0)


@pytest.mark.parametrize("status", [201, 401, 429, 500, 503])
def test_any_other_status_is_an_error(load, server, status):
    server.status = status
    found = load(seconds=0.1)
    assert found.errors == found.answered > 0
    assert found.first_error.startswith(f"status {status}")


def test_a_body_of_another_length_is_an_error(load):
    found = load(seconds=0.1, body_bytes=LENGTH + 1)
    assert found.errors == found.answered > 0
    assert "a body of 23 bytes instead of 24" in found.first_error


def test_an_answer_that_breaks_off_is_an_error(load, server):
    server.form = "broken"
    found = load(seconds=0.1)
    assert found.answered == 0
    assert found.errors > 0
    assert "inside an answer" in found.first_error


def test_nobody_listening_is_an_error_and_ends(program, tmp_path):
    (tmp_path / "request").write_bytes(b"GET / HTTP/1.1\r\n\r\n")
    found = loading.run(
        program,
        port=1,
        request=tmp_path / "request",
        connections=1,
        warmup=0,
        seconds=0.1,
        body_bytes=0,
    )
    assert found.answered == 0
    assert found.errors > 0
