"""Servers that behave as a test says, a name server of the tests' own, and who may be trusted."""

import contextlib
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.factories.names import ADDRESSES

DAY = timedelta(days=1)


@pytest.fixture
def names():
    """`names["host"] = [[first answer], [second answer]]`; the last one is given ever after."""
    before = dict(ADDRESSES)
    yield ADDRESSES
    ADDRESSES.clear()
    ADDRESSES.update(before)


@pytest.fixture
def loopback_allowed(settings):
    settings.ALLOW_LOOPBACK_TARGETS = True


class Server:
    """Listens on loopback; each connection is handed to a script in a thread of its own."""

    def __init__(self, script, *, context=None):
        self.script = script
        self.context = context
        self.calls = []  # what each connection has sent, up to the end of its header and body
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._listen, daemon=True)]
        self.threads[0].start()

    def _listen(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._talk, args=(peer,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _talk(self, peer):
        with peer, contextlib.suppress(OSError):
            if self.context is not None:
                peer = self.context.wrap_socket(peer, server_side=True)
            with peer:
                self.script(peer, self)

    def read(self, peer):
        """The whole request."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = peer.recv(65536)
            if not piece:
                break
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        while len(body) < length:
            body += peer.recv(65536)
        self.calls.append((head.decode(), body))

    def wait(self):
        """Until the test is over: a server that does nothing any more."""
        self.over.wait(30)

    def close(self):
        self.over.set()
        self.listener.close()
        for thread in self.threads[1:]:
            thread.join(5)


@pytest.fixture
def serve():
    """`serve(script)` or `serve(answer)`: a server; `port`, and `calls` that have come."""
    servers = []

    def start(script, *, context=None):
        if isinstance(script, bytes):
            answer = script

            def script(peer, server):
                server.read(peer)
                peer.sendall(answer)

        servers.append(Server(script, context=context))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class Authority:
    """Signs certificates; whoever is told to trust it takes them."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tests")])
        self.certificate = self._sign(self.name, self.key, is_authority=True)
        self.path = folder / "authority.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, *hosts):
        """A server's, with a certificate for some names or addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        public, private = self.folder / f"{hosts[0]}.pem", self.folder / f"{hosts[0]}.key"
        certificate = self._sign(name, key, hosts=hosts)
        public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(public, private)
        return context

    def _sign(self, name, key, *, hosts=(), is_authority=False):
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        )
        if hosts:
            alternatives = [_general_name(host) for host in hosts]
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), False)
        return builder.sign(self.key, hashes.SHA256())


def _general_name(host):
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


@pytest.fixture
def authority(tmp_path, monkeypatch):
    """One that this test's calls trust, and nobody else."""
    from core.outbound.exchange import tls_context

    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.path))
    tls_context.cache_clear()
    yield made
    tls_context.cache_clear()
