"""A receiver of webhooks beside the platform: started, killed, told how to behave, read."""

from __future__ import annotations

import os
import socket
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from embedded.network import free_port
from embedded.paths import source_roots
from embedded.processes import Child
from embedded.state import checkout
from tests.harness.client import Client
from tests.harness.journal import read_journal
from tests.harness.receiver_process import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

START_SECONDS = 15.0  # until it answers
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Received:
    """A request that came to the receiver whole.

    Attributes:
        at: seconds since the epoch, by the receiver's clock.
        path: with the behaviour at its front.
        behaviour: what it was answered with.
        headers: names in small letters.
    """

    at: float
    path: str
    behaviour: str
    headers: Mapping[str, str] = field(repr=False)
    body: str

    @property
    def webhook_id(self) -> str:
        return self.headers.get("webhook-id", "")

    @property
    def is_thanked(self) -> bool:
        """Whether the receiver answers 2xx to it."""
        return self.behaviour.partition(":")[0] in {"ok", "slow", "echo", "huge", "drip-body"}


class Receiver:
    """A process that listens on two ports of loopback, HTTP and HTTPS with a bad certificate.

    Its journal survives it: after `kill` and `start` it goes on in the same file.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.journal = folder / "receiver.jsonl"
        self.port, self.tls_port = free_port(), free_port()
        certificate, key = make_certificate(folder)
        process = ("-m", "tests.harness.receiver_process", str(self.port), str(self.journal))
        self.child = Child(
            name="receiver",
            command=[
                sys.executable,
                *process,
                *(str(self.tls_port), str(certificate), str(key)),
            ],
            log=folder / "receiver.log",
            environment={**os.environ, **source_roots(dict(os.environ))},
            directory=checkout(),
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.child.thaw()
        self.child.kill()

    def start(self) -> None:
        self.child.start()
        until = time.monotonic() + START_SECONDS
        while not _answers(self.port):
            assert time.monotonic() < until, self.child.tail()
            assert self.child.is_running, self.child.tail()
            time.sleep(0.05)

    def kill(self) -> None:
        self.child.kill()

    def url(self, path: str) -> str:
        """Of a path such as `hang/shop`: the behaviour, then a name."""
        return f"http://{HOST}:{self.port}/{path}"

    def tls_url(self, path: str) -> str:
        """The same by HTTPS, under a certificate that nobody has reason to trust."""
        return f"https://{HOST}:{self.tls_port}/{path}"

    def become(self, name: str, behaviour: str) -> None:
        """From now on, `as/<name>` behaves so."""
        url = f"http://{HOST}:{self.port}"
        answer = Client(url).call("PUT", f"/become/{name}", raw=behaviour.encode())
        assert answer.status == 204, answer.text

    def received(self, path: str = "") -> list[Received]:
        """Requests so far, oldest first; to one path, when one is given."""
        records = (r for r in read_journal(self.journal) if r["kind"] == "request")
        wanted = f"/{path}"
        return [_received(r) for r in records if not path or r["path"] == wanted]

    def answers(self, path: str) -> list[dict[str, Any]]:
        """Answers that have ended, whole or cut off by the caller: `sent` bytes in `seconds`."""
        records = read_journal(self.journal)
        return [r for r in records if r["kind"] == "answer" and r["path"] == f"/{path}"]


def _received(record: Mapping[str, Any]) -> Received:
    return Received(
        **{name: record[name] for name in ("at", "path", "behaviour", "headers", "body")}
    )


class DeafServer:
    """A port that takes no connection: its queue is full, so that dialling it times out."""

    def __init__(self) -> None:
        self._server = socket.socket()
        self._waiting: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._server.bind((HOST, 0))
        self._server.listen(0)
        for _ in range(4):  # a queue of 0 holds one or two connections, by kernel
            caller = socket.socket()
            caller.setblocking(False)
            caller.connect_ex(self._server.getsockname())
            self._waiting.append(caller)
        return self

    def __exit__(self, *_: object) -> None:
        for each in (*self._waiting, self._server):
            each.close()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.getsockname()[1]}/deaf"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the receiver's address that it has signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), False)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return public, private


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
