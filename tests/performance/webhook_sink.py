"""A receiver for `make bench-webhooks` that costs little: notes when what has come, says thanks.

    python webhook_sink.py HTTP_PORT HTTPS_PORT CERTIFICATE KEY

`POST /ok/...` is answered at once, `POST /hang/...` never; `GET /` gives all that has come since
the last time, as JSON: [arrival in seconds since 1970, path, body].
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time

THANKS = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

come: list[tuple[float, str, str]] = []


class Sink(asyncio.Protocol):
    """One connection, one request."""

    def __init__(self) -> None:
        self.data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, end, body = self.data.partition(b"\r\n\r\n")
        if not end or len(body) < length_of(head):
            return
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        if method == "GET":
            answer = json.dumps(come).encode()
            come.clear()
            self.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
            return
        come.append((time.time(), path, body.decode()))
        if not path.startswith("/hang"):
            self.say(THANKS)

    def say(self, answer: bytes) -> None:
        self.transport.write(answer)  # type: ignore[attr-defined]
        self.transport.close()


def length_of(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


async def main(http: int, https: int, certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    await loop.create_server(Sink, "127.0.0.1", http, backlog=1024)
    await loop.create_server(Sink, "127.0.0.1", https, ssl=context, backlog=1024)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]))
