"""People, clients and questions that tests share; each test starts with a clean Redis."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest_plugins = ["tests.endpoint_ledger", "tests.harness.plugin"]

PASSWORD = "correct horse battery staple"  # noqa: S105 - of people who exist in tests alone


# -- Nothing is left over from the test before


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`long` ones are for make test-faults alone: each takes a good part of a minute."""
    if os.environ.get("FAULTS"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="run by make test-faults"))


@pytest.fixture(autouse=True)
def _clean_redis() -> None:
    """No limit, lock or cached answer of an earlier test; a run without Redis has none to clean."""
    from django.conf import settings
    from redis.exceptions import RedisError

    from core.redis_client import limits_client

    if settings.REDIS_LIMITS_URL.startswith("redis://127.0.0.1:1/"):
        return
    client = limits_client()
    try:
        keys = list(client.scan_iter(f"{settings.REDIS_KEY_PREFIX}*", count=1000))
        if keys:
            client.delete(*keys)
    except RedisError:  # a test of the kernel alone may run without it
        return


@pytest.fixture(autouse=True)
def _clean_process() -> Iterator[None]:
    """Forget verified tokens, revocations, the breaker and the readiness of this process."""
    yield
    from core import behaviour, plans
    from core.api.authentication import verified_tokens
    from core.api.throttling import limiter
    from core.facts import requests
    from core.observability.health import readiness
    from core.security import revocation
    from core.security.snapshot import NEVER, RevocationSnapshot

    verified_tokens.clear()
    limiter.breaker.succeeded()
    limiter.leases.clear()
    limiter.slots.clear()
    plans.forget()
    requests.buffer.forget()
    behaviour.buffer.forget()
    prediction_log = sys.modules.get("apps.ml_models.runtime.prediction_log")
    if prediction_log is not None:  # a test of the kernel alone need not load it
        prediction_log.buffer.forget()
    shadowing = sys.modules.get("apps.ml_models.runtime.shadowing")
    if shadowing is not None:  # likewise
        shadowing.buffer.forget()
    readiness.forget()
    revocation._by_hand = RevocationSnapshot(taken_at=0.0, max_age=NEVER)


# -- People


def _make_user(username: str, **fields: Any) -> Any:
    from apps.accounts.models import User

    return User.objects.create_user(username=username, password=PASSWORD, **fields)


@pytest.fixture
def alice(db: None) -> Any:
    """An ordinary user; most objects in tests are hers."""
    return _make_user("alice", email="alice@example.org")


@pytest.fixture
def bob(db: None) -> Any:
    """One of the staff."""
    return _make_user("bob", email="bob@example.org", is_staff=True)


@pytest.fixture
def mallory(db: None) -> Any:
    """An ordinary user who wants what is not hers."""
    return _make_user("mallory", email="mallory@example.org")


@pytest.fixture
def client_of() -> Callable[..., Any]:
    """`client_of(user)`: a client with a real access token; `client_of(None)`: one without."""
    from django.utils import timezone
    from rest_framework.test import APIClient

    from core.ids import uuid7

    def make(user: Any) -> APIClient:
        client = APIClient(raise_request_exception=False)
        if user is not None:
            from apps.accounts.services.tokens import make_access_token

            token = make_access_token(user=user, family_id=uuid7(), now=timezone.now())
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client

    return make


# -- What came of it


@pytest.fixture
def assert_problem() -> Callable[..., dict[str, Any]]:
    """`assert_problem(response, status, code, at=(place, code))`: a whole problem, and which one.

    `at` names one of its field errors: a pointer ("#/name"), parameter or header, and its code.
    Returns the problem.
    """

    def check(
        response: Any, status: int, code: str, *, at: tuple[str, str] | None = None
    ) -> dict[str, Any]:
        assert (response.status_code, response["Content-Type"]) == (
            status,
            "application/problem+json",
        ), response.content
        problem: dict[str, Any] = response.json()
        assert problem["code"] == code, problem
        assert problem["type"] == f"/problems/{code}"
        assert problem["status"] == status
        assert problem["title"]
        assert problem["detail"]
        assert problem["instance"] == response.wsgi_request.path[:500]
        assert problem["request_id"] == response["X-Request-Id"]
        if status in {429, 503}:
            assert int(response["Retry-After"]) >= 1
        if status == 401:
            assert response["WWW-Authenticate"].startswith("Bearer")
        if at is not None:
            places = [
                (e.get("pointer") or e.get("parameter") or e.get("header"), e["code"])
                for e in problem.get("errors", [])
            ]
            assert at in places, problem
        return problem

    return check


class SentTasks:
    """The tasks in the outbox, oldest first, as (name, arguments); reads anew at each look."""

    def _rows(self) -> list[tuple[str, dict[str, Any]]]:
        from core.models import OutboxEvent

        rows = OutboxEvent.objects.filter(kind=OutboxEvent.Kind.TASK).order_by("position")
        return list(rows.values_list("type", "payload"))

    def __eq__(self, other: object) -> bool:
        return self._rows() == other

    __hash__ = None  # type: ignore[assignment] # it changes

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        return iter(self._rows())

    def __len__(self) -> int:
        return len(self._rows())

    def __getitem__(self, index: int) -> tuple[str, dict[str, Any]]:
        return self._rows()[index]

    def __repr__(self) -> str:
        return repr(self._rows())


@pytest.fixture
def sent_tasks(db: None) -> SentTasks:
    """What was enqueued: compare it with a list of (name, arguments)."""
    return SentTasks()


@pytest.fixture
def refresh_revocations() -> Callable[[], object]:
    """Call it after a revocation: tests have no thread that reads the table."""
    from core.security import revocation

    return revocation.refresh


@pytest.fixture
def log_lines(caplog: Any, monkeypatch: Any) -> Callable[[], list[dict[str, Any]]]:
    """`log_lines()`: what would have been written, each line parsed."""
    import json
    import logging

    from core.observability.access import access_log
    from core.observability.logging import JsonFormatter

    caplog.set_level(logging.INFO)
    caplog.handler.setFormatter(JsonFormatter())
    lines: list[str] = []
    emit = caplog.handler.emit

    def noting(record: logging.LogRecord) -> None:
        lines.append(JsonFormatter().format(record))
        emit(record)

    caplog.handler.emit = noting
    monkeypatch.setattr(access_log, "emit", lambda text: lines.extend(text.splitlines()))
    return lambda: [json.loads(line) for line in lines]
