"""The fact that something was called, as the middleware hands it over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.conf import settings
from django.utils.module_loading import import_string
from prometheus_client import Counter

from core.facts.buffer import FactBuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.security.principal import Principal

LOST: Final = Counter(
    "agora_request_log_lost",
    "Calls that the request log lacks: buffer full, not taken by the database, process ended.",
    ("reason",),
)


class RequestFact(NamedTuple):
    """One answered call by somebody known. No body, query, path value or address is in it.

    Attributes:
        at: Unix seconds; when the answer was ready.
        request_id: the server's own, `req_` and a UUIDv7 in hex.
        principal: who called.
        method: HTTP method.
        route: the route template.
        status: HTTP status.
        error_code: of the problem; empty when there was none.
        seconds: from the first byte read to the answer ready.
        request_length: the header Content-Length, as it came.
        response_bytes: of the body; None when it is streamed.
        work: class of work whose limit was charged; empty when none was.
        units: what was charged.
    """

    at: float
    request_id: str
    principal: Principal
    method: str
    route: str
    status: int
    error_code: str
    seconds: float
    request_length: str | None
    response_bytes: int | None
    work: str
    units: int


def _write(facts: Sequence[RequestFact]) -> None:
    """Hand a batch to settings.REQUEST_SINK, which says where facts go: core knows no app."""
    if settings.REQUEST_SINK:
        sink: Callable[[Sequence[RequestFact]], Any] = import_string(settings.REQUEST_SINK)
        sink(facts)


def _in_background() -> bool:
    return bool(settings.REQUEST_LOG_IN_BACKGROUND)


buffer: Final = FactBuffer(
    "agora request log",
    write=_write,
    in_background=_in_background,
    lost=LOST,
    bound=settings.REQUEST_LOG_BUFFER,
)
offer: Final = buffer.offer
