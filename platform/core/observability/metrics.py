"""Counters, gauges and histograms in Prometheus' format, and the page that shows them."""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest

# Seconds. A prediction takes about a millisecond, a page some tens, a time-out five seconds.
SECONDS_BUCKETS = (
    0.0005,
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)
LOOPBACK = frozenset({"127.0.0.1", "::1"})
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")


def counter(name: str, description: str, labels: Sequence[str] = ()) -> Counter:
    """A count that only grows; `name` without the suffix _total."""
    return Counter(name, description, labels)


def gauge(
    name: str, description: str, labels: Sequence[str] = (), *, mode: str = "livesum"
) -> Gauge:
    """A value that goes up and down; `mode` says how the values of several processes are joined."""
    return Gauge(name, description, labels, multiprocess_mode=mode)  # type: ignore[arg-type] # the literals of prometheus_client


def histogram(
    name: str,
    description: str,
    labels: Sequence[str] = (),
    *,
    buckets: Sequence[float] = SECONDS_BUCKETS,
) -> Histogram:
    """A distribution; `name` ends in its unit."""
    return Histogram(name, description, labels, buckets=buckets)


REQUESTS = counter("agora_http_requests", "Answers by status.", ("method", "route", "status"))
REQUEST_SECONDS = histogram("agora_http_request_seconds", "Time to an answer.", ("method", "route"))
PROBLEMS = counter("agora_problems", "Refusals and failures by code.", ("code",))
LIMITS_OPEN = counter(
    "agora_limits_open", "Calls let through unlimited: Redis was away.", ("scope",)
)

_requests: dict[tuple[str, str, int], Counter] = {}
_seconds: dict[tuple[str, str], Histogram] = {}


def observe_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answer. Children are kept: looking labels up each time costs more than counting."""
    count = _requests.get((method, route, status))
    if count is None:
        count = _requests[method, route, status] = REQUESTS.labels(method, route, str(status))
    count.inc()
    duration = _seconds.get((method, route))
    if duration is None:
        duration = _seconds[method, route] = REQUEST_SECONDS.labels(method, route)
    duration.observe(seconds)


def count_problem(code: str) -> None:
    PROBLEMS.labels(code).inc()


def _may_read(request: HttpRequest) -> bool:
    """Whoever is on this machine, not behind a proxy; or who holds the bearer secret."""
    secret = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if secret and hmac.compare_digest(given.encode(), secret.encode()):
        return True
    forwarded = settings.NUM_PROXIES > 0 or any(name in request.META for name in FORWARDED)
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not forwarded


def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics, over all processes that share PROMETHEUS_MULTIPROC_DIR; 404 for strangers."""
    if not _may_read(request):
        raise Http404
    return _page(request)


@require_safe
def _page(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # it ships no types
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
