"""Notes which operations the suite really called, and fails a whole run that left one out.

Each test process writes what it saw; the one that ends last compares it with the routes of
version 1. An exemption needs a reason and must still be needed.
"""

from __future__ import annotations

import json
import os
import shutil
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
    chosen = ("keyword", "markexpr", "lf", "collectonly", "deselect", "maxfail")
    narrowed = any(getattr(config.option, name, None) for name in chosen)
    whole = {"tests", str(config.rootpath / "tests")}
    return not narrowed and all(argument in whole for argument in config.args)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    folder = Path(tempfile.gettempdir()) / f"agora-endpoints-{_run_id(session.config)}"
    seen = {name for file in folder.glob("*.json") for name in json.loads(file.read_text())}
    shutil.rmtree(folder, ignore_errors=True)
    if exitstatus == 0 and _is_whole_run(session.config):
        _judge(session, seen)


def _judge(session, seen: set[str]) -> None:
    missing = sorted(operations() - seen - EXEMPT.keys())
    stale = sorted(operation for operation in EXEMPT if operation in seen)
    if missing or stale:
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        reporter.write_line(f"No test calls: {missing}; exempt without need: {stale}", red=True)
        session.exitstatus = 1


def _run_id(config) -> str:
    """xdist's id of this run, or this process's when it runs alone; as in `_folder`."""
    scheduler = config.pluginmanager.get_plugin("dsession")
    return str(os.getpid()) if scheduler is None else scheduler.nodemanager.testrunuid
