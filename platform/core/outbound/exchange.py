"""One POST to a stranger's server within one deadline, whatever the server does.

No redirects, no proxies from the environment, no cookies, no compression, no second request on the
connection: it is dropped as soon as the answer is known, not drained.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from core.outbound.errors import UrlNotAllowedError
from core.outbound.responses import (
    LINE_MAX,
    BadResponseError,
    HeadTooLargeError,
    read_body,
    read_head,
)
from core.outbound.targets import Target, admit, is_address, parse_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from core.outbound.resolver import Lookups

DNS_FAILED: Final = "dns_failed"
ADDRESS_REFUSED: Final = "address_refused"
CONNECT_FAILED: Final = "connect_failed"
TLS_FAILED: Final = "tls_failed"
TIMED_OUT: Final = "timed_out"
TOO_LARGE: Final = "too_large"
BAD_RESPONSE: Final = "bad_response"
REDIRECTED: Final = "redirected"
STATUS: Final = "status"

ERRORS: Final[Mapping[str, str]] = {
    DNS_FAILED: "The name has no address, or no name server has answered.",
    ADDRESS_REFUSED: "The URL may not be called: its name leads to addresses that are not public.",
    CONNECT_FAILED: "No connection, or it was lost before an answer.",
    TLS_FAILED: "No TLS, or a certificate that is not good for this name.",
    TIMED_OUT: "No answer in time.",
    TOO_LARGE: "The header of the answer is too large.",
    BAD_RESPONSE: "The answer is not HTTP/1.1.",
    REDIRECTED: "The answer is a redirect (3xx), which is not followed.",
    STATUS: "The answer is another status than 2xx.",
}
"""What an exchange can fail with, for people."""


@dataclass(frozen=True, slots=True)
class Caps:
    """How long and how much.

    Attributes:
        connect_seconds: for the name, TCP and TLS together.
        total_seconds: from the name to the last byte that is read.
        body_seconds: after the header; a body is for the log alone, so nobody waits long for it.
        body_bytes: read at most of a body.
    """

    connect_seconds: float
    total_seconds: float
    body_seconds: float
    body_bytes: int


@dataclass(slots=True)
class Exchange:
    """What came of one POST.

    Attributes:
        error: empty for an answer 2xx, else one of ERRORS.
        status: of the answer, if its header came whole.
        headers: names in small letters, capped.
        body: its start.
        address: what was dialled last.
        seconds: until the connection was dropped.
    """

    error: str = ""
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    address: str = ""
    seconds: float = 0.0


class _StepFailedError(Exception):
    """A step that has a name has failed."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


async def post(
    url: str, headers: Mapping[str, str], body: bytes, *, caps: Caps, lookups: Lookups
) -> Exchange:
    """Send a body and say what came of it; raises nothing but cancellation.

    The status decides: an answer 2xx is good once its header is there, however its body ends.

    Args:
        url: judged anew, and its name resolved anew.
        headers: beside Host, Content-Length and Connection; no line ends in them.
        body: sent whole, with its length.
        caps: after which it ends in any case.
        lookups: the threads that ask for the name.
    """
    result = Exchange()
    begun = time.monotonic()
    try:
        async with asyncio.timeout(caps.total_seconds):
            await _talk(url, headers, body, caps, lookups, result)
    except _StepFailedError as error:
        result.error = error.code
    except TimeoutError:
        result.error = TIMED_OUT
    except HeadTooLargeError:
        result.error = TOO_LARGE
    except BadResponseError:
        result.error = BAD_RESPONSE
    except OSError:
        result.error = CONNECT_FAILED
    if result.status is not None:
        result.error = _judge(result.status)
    result.seconds = time.monotonic() - begun
    return result


def _judge(status: int) -> str:
    if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110 section 15.3
        return ""
    return REDIRECTED if 300 <= status < 400 else STATUS  # noqa: PLR2004 - section 15.4


async def _talk(  # noqa: PLR0913, PLR0917 - the parts of one call
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    caps: Caps,
    lookups: Lookups,
    result: Exchange,
) -> None:
    async with asyncio.timeout(caps.connect_seconds) as connecting:
        target = await _find(url, lookups)
        async with _connect(target, result) as (reader, writer):
            connecting.reschedule(None)
            writer.write(_head(target, headers, len(body)) + body)
            await writer.drain()
            result.status, result.headers = await read_head(reader)
            connecting.reschedule(asyncio.get_running_loop().time() + caps.body_seconds)
            await read_body(reader, result.status, result.headers, caps.body_bytes, result.body)


async def _find(url: str, lookups: Lookups) -> Target:
    """The target with addresses that may be dialled."""
    try:
        target = parse_url(url)
        if is_address(target.host):
            return admit(target, [target.host])
        addresses = await asyncio.wrap_future(lookups.start(target.host))
        return admit(target, addresses)
    except UrlNotAllowedError as error:
        raise _StepFailedError(ADDRESS_REFUSED) from error
    except OSError as error:
        raise _StepFailedError(DNS_FAILED) from error


@asynccontextmanager
async def _connect(
    target: Target, result: Exchange
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await _dial(target, result)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _dial(
    target: Target, result: Exchange
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The first of its addresses that answers; one that is silent leaves time for the next."""
    loop = asyncio.get_running_loop()
    for left in range(len(target.addresses), 0, -1):
        result.address = target.addresses[-left]
        try:
            # The connection's own time-out is around us: this is about sharing what is left of it.
            async with asyncio.timeout_at(_share(loop.time(), left)):
                return await _open(target, result.address)
        except (ssl.SSLError, ssl.CertificateError) as error:
            raise _StepFailedError(TLS_FAILED) from error
        except OSError:  # TimeoutError is one
            if left == 1:
                raise
    raise AssertionError("A target has an address.")


SHARE_SECONDS: Final = 1.5  # for an address that is not the last one


def _share(now: float, left: int) -> float | None:
    return None if left == 1 else now + SHARE_SECONDS


async def _open(target: Target, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if target.scheme == "http":
        return await asyncio.open_connection(address, target.port, limit=LINE_MAX)
    return await asyncio.open_connection(
        address, target.port, limit=LINE_MAX, ssl=tls_context(), server_hostname=target.host
    )


def _head(target: Target, headers: Mapping[str, str], length: int) -> bytes:
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {length}",
        "Connection: close",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """TLS 1.2 or newer, the system's authorities (SSL_CERT_FILE names others), names checked."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
