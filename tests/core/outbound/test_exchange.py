"""One POST to servers that behave well, badly and worse; everything ends in time."""

import asyncio
import gzip
import socket
import time

import pytest

from core.outbound.exchange import Caps, post
from core.outbound.resolver import Lookups
from tests.factories.names import PUBLIC

CAPS = Caps(connect_seconds=1.0, total_seconds=2.0, body_seconds=0.5, body_bytes=64 * 1024)
SHORT = Caps(connect_seconds=0.3, total_seconds=0.5, body_seconds=0.3, body_bytes=64 * 1024)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nthanks"
MARGIN = 0.7  # seconds that a busy machine may add

pytestmark = pytest.mark.usefixtures("loopback_allowed")


def send(url, *, caps=CAPS, headers=None, body=b"{}"):
    lookups = Lookups(4)
    try:
        return asyncio.run(post(url, headers or {}, body, caps=caps, lookups=lookups))
    finally:
        lookups.close()


def to(server, path="/", *, host="127.0.0.1", scheme="http", **options):
    return send(f"{scheme}://{host}:{server.port}{path}", **options)


class TestAnAnswer:
    def test_of_2xx_is_good_and_kept(self, serve):
        server = serve(OK)
        result = to(server)
        assert (result.error, result.status, bytes(result.body)) == ("", 200, b"thanks")
        assert result.headers == {"content-length": "6"}
        assert (result.address, 0 < result.seconds < 2) == ("127.0.0.1", True)

    def test_is_to_what_was_given_and_nothing_more(self, serve):
        server = serve(OK)
        to(server, "/in?shop=7", headers={"X-One": "1"}, body=b'{"a":1}')
        head, body = server.calls[0]
        assert head.split("\r\n") == [
            "POST /in?shop=7 HTTP/1.1",
            f"Host: 127.0.0.1:{server.port}",
            "X-One: 1",
            "Content-Length: 7",
            "Connection: close",
        ]
        assert body == b'{"a":1}'

    @pytest.mark.parametrize("status", [201, 202, 204, 299])
    def test_of_any_2xx_is_good(self, serve, status):
        result = to(serve(f"HTTP/1.1 {status} Fine\r\n\r\n".encode()))
        assert (result.error, result.status) == ("", status)

    @pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503, 599])
    def test_of_another_status_has_failed(self, serve, status):
        result = to(serve(f"HTTP/1.1 {status} No\r\nRetry-After: 7\r\n\r\n".encode()))
        assert (result.error, result.status) == ("status", status)
        assert result.headers["retry-after"] == "7"

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_that_redirects_is_not_followed(self, serve, status):
        inner = serve(OK)
        place = f"http://127.0.0.1:{inner.port}/".encode()
        answer = b"HTTP/1.1 %d Over there\r\nLocation: %s\r\n\r\n" % (status, place)
        assert to(serve(answer)).error == "redirected"
        assert inner.calls == []

    def test_may_follow_on_informational_ones(self, serve):
        assert (
            to(serve(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n" + OK)).status == 200
        )

    def test_is_read_in_chunks(self, serve):
        chunks = b"5;x=1\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
        result = to(serve(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks))
        assert bytes(result.body) == b"hello world"

    def test_without_a_length_ends_with_the_connection(self, serve):
        result = to(serve(b"HTTP/1.0 200 OK\n\nall of it"))
        assert (result.status, bytes(result.body)) == (200, b"all of it")

    def test_that_breaks_off_after_its_header_is_judged_by_its_status(self, serve):
        result = to(serve(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf"))
        assert (result.error, bytes(result.body)) == ("", b"half")

    def test_that_is_compressed_is_not_blown_up(self, serve):
        bomb = gzip.compress(b"0" * 10_000_000)
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(
            bomb
        )
        result = to(serve(head + bomb))
        assert bytes(result.body) == bomb[: CAPS.body_bytes]

    def test_has_what_cannot_be_printed_replaced_and_doubles_joined(self, serve):
        head = b"HTTP/1.1 200 OK\r\nX: a\x00b\x1b[1m\r\nX: c\r\nno colon\r\n folded: 1\r\n\r\n"
        assert to(serve(head)).headers == {"x": "a\ufffdb\ufffd[1m, c"}


class TestCaps:
    def test_no_more_of_a_body_is_read_than_allowed_and_the_rest_not_drained(self, serve):
        sent = [0]

        def pour(peer, server):
            server.read(peer)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
            for _ in range(10_000):
                sent[0] += peer.send(b"x" * 1_000_000)

        result = to(serve(pour))
        assert (result.error, len(result.body)) == ("", CAPS.body_bytes)
        assert result.seconds < 1.0
        assert sent[0] < 50_000_000

    def test_a_header_without_end_is_too_large(self, serve):
        def pour(peer, server):
            server.read(peer)
            peer.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                peer.sendall(b"X-More: and more\r\n")

        result = to(serve(pour))
        assert (result.error, result.status) == ("too_large", None)

    def test_a_line_without_end_is_too_large(self, serve):
        assert to(serve(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000)).error == "too_large"

    def test_few_headers_and_short_ones_are_kept(self, serve):
        many = b"".join(b"X-%d: %s\r\n" % (number, b"v" * 140) for number in range(90))
        headers = to(
            serve(b"HTTP/1.1 200 OK\r\nLong: " + b"l" * 900 + b"\r\n" + many + b"\r\n")
        ).headers
        assert (len(headers), len(headers["long"])) == (50, 500)


class TestNoAnswer:
    def test_that_is_no_http_is_bad(self, serve):
        assert to(serve(b"220 mail.example ESMTP\r\n")).error == "bad_response"

    @pytest.mark.parametrize(
        "answer", [b"", b"HTTP/1.1 200", b"HTTP/2 200 OK\r\n\r\n", b"HTTP/1.1 999 ?\r\n\r\n"]
    )
    def test_that_breaks_off_before_a_status_is_bad(self, serve, answer):
        assert to(serve(answer)).error == "bad_response"

    def test_where_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        assert send(f"http://127.0.0.1:{port}/").error == "connect_failed"

    def test_where_the_connection_is_cut(self, serve):
        def cut(peer, server):
            server.read(peer)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

        assert to(serve(cut)).error in {"connect_failed", "bad_response"}


class TestDeadline:
    def test_ends_a_server_that_says_nothing(self, serve):
        result = to(serve(lambda _peer, server: server.wait()), caps=SHORT)
        assert result.error == "timed_out"
        assert 0.4 < result.seconds < SHORT.total_seconds + MARGIN

    def test_ends_a_header_that_drips(self, serve):
        def drip(peer, server):
            server.read(peer)
            for byte in b"HTTP/1.1 200 OK\r\n" + b"X" * 100:
                peer.sendall(bytes([byte]))
                time.sleep(0.05)

        result = to(serve(drip), caps=SHORT)
        assert (result.error, result.status) == ("timed_out", None)
        assert result.seconds < SHORT.total_seconds + MARGIN

    def test_a_body_that_drips_is_left_after_its_own_time_and_the_status_counts(self, serve):
        def drip(peer, server):
            server.read(peer)
            peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                peer.sendall(b"x")
                time.sleep(0.05)

        result = to(serve(drip))
        assert (result.error, result.status) == ("", 200)
        assert 0 < len(result.body) < 40
        assert result.seconds < CAPS.body_seconds + MARGIN

    def test_ends_a_server_that_does_not_read(self, serve):
        result = to(serve(lambda _peer, server: server.wait()), body=b"x" * 20_000_000, caps=SHORT)
        assert result.error == "timed_out"

    def test_ends_a_handshake_that_hangs(self, serve):
        server = serve(lambda _peer, server: server.wait())
        result = to(server, scheme="https", caps=SHORT)
        assert result.error == "timed_out"
        assert result.seconds < SHORT.connect_seconds + MARGIN

    def test_ends_a_name_server_that_hangs(self, settings):
        settings.WEBHOOK_RESOLVER = f"{__name__}.slow_addresses"
        result = send("https://hooks.example/", caps=SHORT)
        assert result.error == "timed_out"
        assert result.seconds < SHORT.connect_seconds + MARGIN


def slow_addresses(_host):
    time.sleep(1.5)
    return ["127.0.0.1"]


class TestTls:
    def test_calls_the_checked_address_in_the_name_s_name(self, serve, authority, names):
        names["hooks.example"] = [["127.0.0.1"]]
        said = []
        context = authority.context("hooks.example")
        context.sni_callback = lambda _socket, name, _context: said.append(name)
        server = serve(OK, context=context)

        result = to(server, host="hooks.example", scheme="https")

        assert (result.error, result.status, result.address) == ("", 200, "127.0.0.1")
        assert said == ["hooks.example"]
        assert f"Host: hooks.example:{server.port}" in server.calls[0][0]

    def test_takes_a_certificate_for_an_address(self, serve, authority):
        server = serve(OK, context=authority.context("127.0.0.1"))
        assert to(server, scheme="https").error == ""

    def test_refuses_a_certificate_for_another_name(self, serve, authority, names):
        names["hooks.example"] = [["127.0.0.1"]]
        server = serve(OK, context=authority.context("other.example"))
        assert to(server, host="hooks.example", scheme="https").error == "tls_failed"
        assert server.calls == []

    def test_refuses_a_certificate_of_an_authority_nobody_trusts(
        self, serve, authority, monkeypatch
    ):
        from core.outbound.exchange import tls_context

        server = serve(OK, context=authority.context("127.0.0.1"))
        monkeypatch.delenv("SSL_CERT_FILE")
        tls_context.cache_clear()
        assert to(server, scheme="https").error == "tls_failed"
        assert server.calls == []

    def test_refuses_a_server_that_talks_plainly(self, serve):
        plain = serve(lambda peer, _server: peer.sendall(OK))
        assert to(plain, scheme="https").error == "tls_failed"


class TestTheGuard:
    def test_judges_the_name_anew_and_dials_nobody(self, serve, settings, names):
        settings.ALLOW_LOOPBACK_TARGETS = False
        settings.WEBHOOK_PORTS = (443,)
        names["rebinding.example"] = [[PUBLIC], ["127.0.0.1"]]
        from core.outbound import check_target

        check_target("https://rebinding.example/")  # when it is saved, all is well

        result = send("https://rebinding.example/")

        assert (result.error, result.address) == ("address_refused", "")

    def test_asks_for_a_name_once_so_that_nothing_can_change_before_the_call(
        self, serve, authority, names
    ):
        names["rebinding.example"] = [["127.0.0.1"], [PUBLIC], [PUBLIC]]
        server = serve(OK, context=authority.context("rebinding.example"))
        assert to(server, host="rebinding.example", scheme="https").status == 200
        assert names["rebinding.example"] == [[PUBLIC], [PUBLIC]]

    def test_one_address_inside_spoils_the_name(self, names):
        names["half.example"] = [[PUBLIC, "10.0.0.5"]]
        assert send("https://half.example/").error == "address_refused"

    def test_a_name_without_an_address_has_its_own_word(self, names):
        names["nowhere.example"] = [[]]
        assert send("https://nowhere.example/").error == "dns_failed"

    def test_plain_http_ends_when_the_flag_is_taken_away(self, serve, settings):
        server = serve(OK)
        settings.ALLOW_LOOPBACK_TARGETS = False
        assert to(server).error == "address_refused"
        assert server.calls == []

    def test_proxies_of_the_environment_are_not_used(self, serve, monkeypatch):
        proxy, server = serve(OK), serve(OK)
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert to(server).status == 200
        assert (len(server.calls), proxy.calls) == (1, [])

    def test_the_next_address_is_tried_when_one_does_not_answer(self, serve, names):
        names["two.example"] = [["::1", "127.0.0.1"]]
        result = to(serve(OK), host="two.example")
        assert (result.status, result.address) == (200, "127.0.0.1")
