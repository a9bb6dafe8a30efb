"""The receiver behaves as badly as its paths say, and its journal outlives it."""

from __future__ import annotations

import json
import socket
import ssl
import time
import urllib.error
import urllib.request

import pytest

from tests.harness.client import Client
from tests.harness.receiver import DeafServer, Receiver

PATIENCE = 2.5  # seconds that a test waits for what does not come
MOVED = b"HTTP/1.1 301 Answer\r\ncontent-length: 0\r\nlocation: %s\r\n"
REQUEST = (
    "POST /{path} HTTP/1.1\r\nhost: receiver\r\nwebhook-id: evt-1\r\ncontent-length: 2\r\n\r\n{{}}"
)


@pytest.fixture
def receiver(tmp_path):
    with Receiver(tmp_path / "receiver") as running:
        yield running


def talk(receiver, path, *, most=1_000_000, seconds=PATIENCE):
    """What comes back within that time, and whether the other side has ended it."""
    received = b""
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=seconds) as connection:
        connection.sendall(REQUEST.format(path=path).encode())
        until = time.monotonic() + seconds
        while len(received) < most and (left := until - time.monotonic()) > 0:
            connection.settimeout(left)
            try:
                data = connection.recv(65_536)
            except TimeoutError:
                break
            except ConnectionResetError:
                return received, True
            if not data:
                return received, True
            received += data
    return received, False


class TestBehaviours:
    @pytest.mark.parametrize(
        ("path", "head"),
        [
            ("ok/a", b"HTTP/1.1 200 "),
            ("status:503/a", b"HTTP/1.1 503 "),
            ("gone/a", b"HTTP/1.1 410 "),
            ("slow:0.1/a", b"HTTP/1.1 200 "),
            (
                "redirect/a",
                b"HTTP/1.1 301 Answer\r\ncontent-length: 0\r\nlocation: /redirect/a\r\n",
            ),
            ("redirect:ok-b/a", b"HTTP/1.1 301 Answer\r\ncontent-length: 0\r\nlocation: /ok/b\r\n"),
            ("busy:7/a", b"HTTP/1.1 429 Answer\r\ncontent-length: 0\r\nretry-after: 7\r\n"),
        ],
    )
    def test_an_answer_is_whole(self, receiver, path, head):
        answer, ended = talk(receiver, path)

        assert answer.startswith(head)
        assert ended

    def test_hanging_answers_nothing(self, receiver):
        assert talk(receiver, "hang/a") == (b"", False)

    def test_dripping_gives_a_byte_a_second(self, receiver):
        answer, ended = talk(receiver, "drip/a")

        assert 2 <= len(answer) <= 4
        assert not ended

    @pytest.mark.parametrize("path", ["headers/a", "huge/a", "huge-error/a"])
    def test_too_much_never_ends(self, receiver, path):
        answer, ended = talk(receiver, path, most=5_000_000, seconds=10)

        assert len(answer) >= 5_000_000
        assert not ended

    def test_what_the_caller_did_not_take_is_not_counted_as_sent(self, receiver):
        talk(receiver, "huge/a", most=100_000)

        until = time.monotonic() + 5
        while not receiver.answers("huge/a") and time.monotonic() < until:
            time.sleep(0.05)
        (ended,) = receiver.answers("huge/a")
        assert 100_000 <= ended["sent"] < 50_000_000

    def test_cutting_ends_in_the_middle_of_a_header(self, receiver):
        answer, ended = talk(receiver, "cut/a")

        assert (b"\r\n\r\n" in answer, ended) == (False, True)

    def test_its_certificate_is_good_for_nobody(self, receiver):
        with pytest.raises(urllib.error.URLError) as refused:
            urllib.request.urlopen(receiver.tls_url("ok/a"), timeout=PATIENCE)  # noqa: S310 - loopback

        assert isinstance(refused.value.reason, ssl.SSLCertVerificationError)

    def test_a_path_can_be_told_to_become_another(self, receiver):
        client = Client(f"http://127.0.0.1:{receiver.port}")
        assert client.post("/as/shop").status == 200

        receiver.become("shop", "status:500")

        assert client.post("/as/shop").status == 500
        assert [r.is_thanked for r in receiver.received("as/shop")] == [True, False]

    def test_a_deaf_server_takes_no_connection(self):
        with DeafServer() as deaf, pytest.raises(urllib.error.URLError) as refused:
            urllib.request.urlopen(deaf.url, timeout=PATIENCE)  # noqa: S310 - loopback

        assert isinstance(refused.value.reason, TimeoutError)


class TestJournal:
    def test_a_request_is_in_it_before_it_is_answered(self, receiver):
        client = Client(f"http://127.0.0.1:{receiver.port}")

        client.post("/ok/a", {"type": "x"}, webhook_id="evt-7")

        (received,) = receiver.received("ok/a")
        assert (received.webhook_id, json.loads(received.body)) == ("evt-7", {"type": "x"})

    def test_it_goes_on_after_the_receiver_was_killed(self, receiver):
        client = Client(f"http://127.0.0.1:{receiver.port}")
        client.post("/ok/a")

        receiver.kill()
        assert client.post("/ok/a").status == 0
        receiver.start()
        client.post("/ok/a")

        assert len(receiver.received("ok/a")) == 2

    def test_half_a_request_is_none(self, receiver):
        with socket.create_connection(("127.0.0.1", receiver.port)) as connection:
            connection.sendall(REQUEST.format(path="ok/a").encode()[:-1])

        assert Client(f"http://127.0.0.1:{receiver.port}").post("/ok/b").status == 200
        assert [each.path for each in receiver.received()] == ["/ok/b"]
