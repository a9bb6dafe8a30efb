"""A request's identity: its id, the caller's trace, who called; and one access line for it."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from core.facts import RequestFact, offer
from core.ids import uuid7
from core.observability.access import AccessLine, access_log
from core.observability.metrics import observe_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from core.security.principal import Principal

HEADER = "X-Request-Id"
API = "api/v1/"  # how the routes begin whose calls are facts
UNROUTED = "unrouted"  # the label of a path that no route takes; never the path itself

# W3C Trace Context section 3.2: version 00, ids in lower-case hex and not all zero.
TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


class RequestContext:
    """What every log line, audit row, task and problem of one request says about it."""

    __slots__ = (
        "error_code",
        "principal",
        "request_id",
        "route",
        "task_id",
        "traceparent",
        "units",
        "work",
    )

    def __init__(
        self,
        request_id: str,
        *,
        traceparent: str = "",
        principal: Principal | None = None,
        route: str = "",
        task_id: str = "",
    ) -> None:
        self.request_id = request_id
        self.traceparent = traceparent
        self.principal = principal
        self.route = route
        self.task_id = task_id
        self.error_code = ""  # of the problem that was answered, if one was
        self.work = ""  # class of work whose limit was charged
        self.units = 0  # what was charged


NO_REQUEST = RequestContext("")
_current: ContextVar[RequestContext] = ContextVar("agora_request", default=NO_REQUEST)


def make_request_id() -> str:
    """`req_` and a UUIDv7 in hex: sorts by time, says nothing about the caller."""
    return f"req_{uuid7().hex}"


def current() -> RequestContext:
    """The context of the running request or task; outside both, one with an empty request id."""
    return _current.get()


@contextmanager
def bind(context: RequestContext) -> Iterator[RequestContext]:
    """Make a context the current one, for a task, a command or a test."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def checked_traceparent(value: str | None) -> str:
    """The caller's traceparent when it is well formed, else an empty string."""
    return value if value is not None and TRACEPARENT.fullmatch(value) else ""


def route_of(request: HttpRequest) -> str:
    """The route template a request resolved to, e.g. api/v1/models/<slug:name>."""
    match = request.resolver_match
    if match is None or match.url_name == "unknown-route":
        return UNROUTED
    return match.route


class RequestContextMiddleware:
    """Outermost: gives every answer its X-Request-Id and writes one access line for it.

    The line carries the route template, never the path's values, the query or the body.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        context = RequestContext(
            make_request_id(), traceparent=checked_traceparent(request.META.get("HTTP_TRACEPARENT"))
        )
        token = _current.set(context)
        try:
            response = self.get_response(request)
            response.headers[HEADER] = context.request_id
            if not response.streaming and "Content-Length" not in response.headers:
                response.headers["Content-Length"] = str(len(response.content))  # type: ignore[attr-defined] # a streamed answer has no content
            self._record(request, response, context, time.perf_counter() - started)
        finally:
            _current.reset(token)
        return response

    @staticmethod
    def _record(
        request: HttpRequest, response: HttpResponseBase, context: RequestContext, seconds: float
    ) -> None:
        route = route_of(request)
        method = request.method if request.method in KNOWN_METHODS else "OTHER"
        observe_request(method, route, response.status_code, seconds)
        principal = context.principal
        size = None if response.streaming else len(response.content)  # type: ignore[attr-defined] # a streamed answer has no content
        at = time.time()
        access_log.note(
            AccessLine(
                at,
                context.request_id,
                context.traceparent,
                None if principal is None else principal.user_id,
                None if principal is None else principal.application_id,
                method,
                route,
                response.status_code,
                seconds,
                size,
            )
        )
        if principal is not None and route.startswith(API):
            offer(
                RequestFact(
                    at,
                    context.request_id,
                    principal,
                    method,
                    route,
                    response.status_code,
                    context.error_code,
                    seconds,
                    request.META.get("CONTENT_LENGTH"),
                    size,
                    context.work,
                    context.units,
                )
            )


KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
