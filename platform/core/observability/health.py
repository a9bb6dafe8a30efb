"""/livez and /readyz; what to ask is registered by config."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Any, Final

import orjson
from django.db import connections
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from core.limits import HEALTH_BUDGET_SECONDS
from core.observability.logging import redact
from core.observability.request_id import current

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.http import HttpRequest

    Check = Callable[[], str | None]

CACHE_SECONDS: Final = 0.5  # an answer is given again for so long, so that probes cost little
REASON_MAX: Final = 200  # characters


class Readiness:
    """The checks of this process. Each runs in a thread of its own, at most once at a time.

    Args:
        budget: seconds a check may take; one that takes longer counts as failed, and is not started
            again before it has come back.
    """

    def __init__(self, budget: float = HEALTH_BUDGET_SECONDS) -> None:
        self.budget = budget
        self._checks: dict[str, Check] = {}
        self._running: dict[str, Future[str | None]] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._last: tuple[float, dict[str, dict[str, Any]]] | None = None

    def register(self, checks: Mapping[str, Check]) -> None:
        """Ask these too: a check answers None when its part is ready, else why not, or raises."""
        self._checks.update(checks)
        self._last = None

    def forget(self) -> None:
        """Drop the last answer, so that the next one is fresh."""
        self._last = None

    def report(self) -> dict[str, dict[str, Any]]:
        """By name: {"ready": bool, "ms": float, "reason": str (when not ready)}."""
        with self._lock:
            now = time.monotonic()
            if self._last is not None and now < self._last[0] + CACHE_SECONDS:
                return self._last[1]
            answer = self._ask_all(now + self.budget)
            self._last = (time.monotonic(), answer)
            return answer

    def _ask_all(self, deadline: float) -> dict[str, dict[str, Any]]:
        started = time.monotonic()
        futures = {name: self._start(name, check) for name, check in self._checks.items()}
        return {name: self._judge(f, started, deadline) for name, f in futures.items()}

    def _start(self, name: str, check: Check) -> Future[str | None]:
        running = self._running.get(name)
        if running is not None and not running.done():
            return running
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="readiness")
        self._running[name] = self._pool.submit(_ask, check)
        return self._running[name]

    @staticmethod
    def _judge(future: Future[str | None], started: float, deadline: float) -> dict[str, Any]:
        try:
            reason = future.result(timeout=max(0.0, deadline - time.monotonic())) or ""
        except FutureTimeoutError:
            reason = "no answer in time"
        except Exception as error:  # noqa: BLE001 - whatever a part raises, it is not ready
            reason = f"{type(error).__name__}: {error}"
        took = {"ready": not reason, "ms": round((time.monotonic() - started) * 1000, 1)}
        return {**took, "reason": redact(reason)[:REASON_MAX]} if reason else took


def _ask(check: Check) -> str | None:
    """Run a check and give back the database connection its thread has opened."""
    try:
        return check()
    finally:
        connections.close_all()


readiness = Readiness()


def register(checks: Mapping[str, Check]) -> None:
    """Let /readyz of this process ask these; the checks are handed in by config."""
    readiness.register(checks)


@require_safe
def livez(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """200 as long as the process answers at all; asks nobody."""
    return HttpResponse(b'{"status":"alive"}', content_type="application/json")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when every registered part is ready, else 503 with the reasons, as a problem."""
    checks = readiness.report()
    if all(check["ready"] for check in checks.values()):
        body: dict[str, Any] = {"status": "ready", "checks": checks}
        return HttpResponse(orjson.dumps(body), content_type="application/json")
    failed = [name for name, check in checks.items() if not check["ready"]]
    body = {
        "type": "/problems/not_ready",
        "title": "This process cannot serve now.",
        "status": 503,
        "detail": f"Not ready: {', '.join(failed)}.",
        "instance": request.path,
        "code": "not_ready",
        "request_id": current().request_id,
        "checks": checks,
    }
    response = HttpResponse(
        orjson.dumps(body),
        status=503,
        content_type="application/problem+json",
        headers={"Retry-After": "1"},
    )
    response._has_been_logged = True  # type: ignore[attr-defined] # noqa: SLF001 - Django's own mark: a probe asks every second
    return response
