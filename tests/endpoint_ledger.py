"""Notes which operations the suite really called, and fails a whole run that left one out.

Each test process writes what it saw; the one that ends last compares it with the routes of
version 1. An exemption needs a reason and must still be needed.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest

EXEMPT: dict[str, str] = {}  # "METHOD route" -> why no test calls it

_seen: set[str] = set()


def operations() -> set[str]:
    """Every "METHOD route" of version 1, e.g. "POST api/v1/login"."""
    from config.api_v1 import urlpatterns

    return {
        f"{method} api/v1/{route}"
        for route, callback in _leaves(urlpatterns)
        for method in _methods(callback)
    }


def _leaves(patterns, prefix=""):
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from _leaves(pattern.url_patterns, route)
        elif pattern.name != "unknown-route":
            yield route, pattern.callback


def _methods(callback):
    actions = getattr(callback, "actions", None)
    if actions:
        return [
            method.upper()
            for method in actions
            if method in {"get", "post", "put", "patch", "delete"}
        ]
    view = callback.cls
    return [
        method.upper()
        for method in ("get", "post", "put", "patch", "delete")
        if hasattr(view, method)
    ]


def _folder() -> Path:
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    return Path(tempfile.gettempdir()) / f"agora-endpoints-{run}"


@pytest.fixture(autouse=True, scope="session")
def _note_calls():
    from django.core.handlers.base import BaseHandler

    original = BaseHandler.get_response

    def noting(self, request):
        response = original(self, request)
        match = request.resolver_match
        if match is not None:
            _seen.add(f"{request.method} {match.route}")
        return response

    BaseHandler.get_response = noting
    yield
    BaseHandler.get_response = original
    folder = _folder()
    folder.mkdir(exist_ok=True)
    name = os.environ.get("PYTEST_XDIST_WORKER", "main")
    (folder / f"{name}.json").write_text(json.dumps(sorted(_seen)))


def _is_whole_run(config) -> bool:
    options = config.option
    narrowed = (
        options.keyword
        or options.lf
        or options.collectonly
        or config.invocation_params.args is None
    )
    paths = [
        argument
        for argument in config.args
        if argument not in {"tests", str(config.rootpath / "tests")}
    ]
    return not narrowed and not paths


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    if (
        os.environ.get("PYTEST_XDIST_WORKER")
        or exitstatus != 0
        or not _is_whole_run(session.config)
    ):
        return
    seen = set()
    folder = Path(tempfile.gettempdir())
    uid = getattr(session.config, "workerinput", {}).get("testrunuid") or _run_uid(session.config)
    for file in (folder / f"agora-endpoints-{uid}").glob("*.json"):
        seen |= set(json.loads(file.read_text()))
    missing = sorted(operations() - seen - EXEMPT.keys())
    stale = sorted(operation for operation in EXEMPT if operation in seen)
    if missing or stale:
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        reporter.write_line(f"No test calls: {missing}; exempt without need: {stale}", red=True)
        session.exitstatus = 1


def _run_uid(config) -> str:
    scheduler = config.pluginmanager.get_plugin("dsession")
    if scheduler is None:
        return str(os.getpid())
    return config.getoption("testrunuid", None) or scheduler.nodemanager.testrunuid
