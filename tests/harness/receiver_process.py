"""A receiver of webhooks as a process of its own, good or hostile as its paths say.

`python -m tests.harness.receiver_process PORT JOURNAL [TLS_PORT CERTIFICATE KEY]`. The first
part of a path is the behaviour, the second names it in the journal: `POST /hang/shop`. A
behaviour `as` is whatever `PUT /become/<name>` with the behaviour as its body said last.
"""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.harness.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HOST = "127.0.0.1"
HUGE_BYTES = 10_000_000_000  # 10 GB
BLOCK = b"0" * 65_536
DRIP_SECONDS = 1.0  # between two bytes
HANG_SECONDS = 3_600.0
SLOW_SECONDS = 3.0  # unless the behaviour says otherwise: `slow:0.5`
BACKLOG = 512
BODY_LIMIT = 1_000_000  # bytes; more is nothing that a test sends


@dataclass(frozen=True)
class Call:
    """One request that came whole."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def parts(self) -> list[str]:
        return self.path.split("?", 1)[0].strip("/").split("/")


@dataclass
class Answer:
    """Where an answer goes; `sent` counts its bytes."""

    writer: asyncio.StreamWriter
    sent: int = 0

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()
        self.sent += len(data)

    async def status(self, status: int, body: bytes = b"", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{name}: {value}" for name, value in named.items()]
        head = [f"HTTP/1.1 {status} Answer", f"content-length: {len(body)}", *lines]
        await self.write(("\r\n".join(head) + "\r\n\r\n").encode() + body)


# -- How it may behave: `argument` is what stands behind the colon of `slow:0.5`


async def ok(answer: Answer, call: Call, argument: str) -> None:
    await answer.status(200, b"thanks")


async def status(answer: Answer, call: Call, argument: str) -> None:
    await answer.status(int(argument or 500), b"so it is")


async def slow(answer: Answer, call: Call, argument: str) -> None:
    await asyncio.sleep(float(argument or SLOW_SECONDS))
    await answer.status(200)


async def hang(answer: Answer, call: Call, argument: str) -> None:
    await asyncio.sleep(HANG_SECONDS)


async def drip(answer: Answer, call: Call, argument: str) -> None:
    """A whole answer in the end, at one byte a second."""
    for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n" + b"0" * 2000:
        await answer.write(bytes([byte]))
        await asyncio.sleep(DRIP_SECONDS)


async def drip_body(answer: Answer, call: Call, argument: str) -> None:
    """The head at once, then one byte a second."""
    await answer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n")
    for _ in range(2000):
        await answer.write(b"0")
        await asyncio.sleep(DRIP_SECONDS)


async def headers(answer: Answer, call: Call, argument: str) -> None:
    """Headers without an end."""
    await answer.write(b"HTTP/1.1 200 OK\r\n")
    number = 0
    while True:
        number += 1
        await answer.write(f"x-{number}: {'0' * 1000}\r\n".encode())


async def redirect(answer: Answer, call: Call, argument: str) -> None:
    """To itself, or to a path of this receiver: `redirect:ok-elsewhere` leads to /ok/elsewhere."""
    target = "/" + argument.replace("-", "/") if argument else call.path
    await answer.status(301, location=target)


async def busy(answer: Answer, call: Call, argument: str) -> None:
    await answer.status(429, retry_after=argument or "2")


async def huge(answer: Answer, call: Call, argument: str) -> None:
    await answer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {HUGE_BYTES}\r\n\r\n".encode())
    while answer.sent < HUGE_BYTES:
        await answer.write(BLOCK)


async def huge_error(answer: Answer, call: Call, argument: str) -> None:
    """The same as a refusal, so that its body is of interest to a log."""
    await answer.write(f"HTTP/1.1 500 No\r\ncontent-length: {HUGE_BYTES}\r\n\r\n".encode())
    while answer.sent < HUGE_BYTES:
        await answer.write(BLOCK)


async def cut(answer: Answer, call: Call, argument: str) -> None:
    await answer.write(b"HTTP/1.1 200 OK\r\ncontent-le")
    answer.writer.transport.abort()


async def garbage(answer: Answer, call: Call, argument: str) -> None:
    await answer.write(b"\x00\xff\x1b[31mSSH-2.0-OpenSSH\r\n\r\n")


async def echo(answer: Answer, call: Call, argument: str) -> None:
    await answer.status(200, call.body, x_signature=call.headers.get("webhook-signature", ""))


BEHAVIOURS: dict[str, Callable[[Answer, Call, str], Awaitable[None]]] = {
    **{f.__name__: f for f in (ok, status, slow, hang, drip, headers, redirect, busy, huge)},
    **{f.__name__.replace("_", "-"): f for f in (huge_error, drip_body, cut, garbage, echo)},
    "gone": lambda answer, call, _: status(answer, call, "410"),
}


class ReceiverProcess:
    """What runs in the process: a server in one loop, so that thousands may hang at once."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.became: dict[str, str] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            call = await read_call(reader)
            if call.method == "PUT" and call.parts[0] == "become":
                self.became[call.parts[1]] = call.body.decode()
                await Answer(writer).status(204)
            else:
                await self.answer(call, writer)
        writer.close()

    async def answer(self, call: Call, writer: asyncio.StreamWriter) -> None:
        """Journal it, behave, journal how much the caller took."""
        kind, _, name = call.path.split("?", 1)[0].strip("/").partition("/")
        behaviour = self.became.get(name, "ok") if kind == "as" else kind
        self.note("request", call, behaviour)
        answer, begun = Answer(writer), time.monotonic()
        word, _, argument = behaviour.partition(":")
        try:
            await BEHAVIOURS[word](answer, call, argument)
        except ConnectionError:
            pass
        finally:
            self.journal.add(
                kind="answer",
                path=call.path,
                id=call.headers.get("webhook-id", ""),
                sent=answer.sent,
                seconds=time.monotonic() - begun,
            )

    def note(self, kind: str, call: Call, behaviour: str) -> None:
        self.journal.add(
            kind=kind,
            at=time.time(),
            method=call.method,
            path=call.path,
            behaviour=behaviour,
            headers=call.headers,
            body=call.body.decode(errors="replace"),
        )


async def read_call(reader: asyncio.StreamReader) -> Call:
    """One request with its whole body. Raises asyncio.IncompleteReadError for half of one."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    pairs = (line.split(":", 1) for line in head[1:] if ":" in line)
    fields = {name.strip().lower(): value.strip() for name, value in pairs}
    length = min(int(fields.get("content-length", 0)), BODY_LIMIT)
    return Call(method, path, fields, await reader.readexactly(length))


async def main(arguments: list[str]) -> None:
    port, path, *tls = arguments
    with Journal(Path(path)) as journal:
        process = ReceiverProcess(journal)
        servers: list[Any] = [
            await asyncio.start_server(process.serve, HOST, int(port), backlog=BACKLOG)
        ]
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls[1], tls[2])
            servers.append(
                await asyncio.start_server(process.serve, HOST, int(tls[0]), ssl=context)
            )
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
