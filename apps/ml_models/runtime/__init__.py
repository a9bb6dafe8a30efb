"""This process's models: started once, answering without queries, following routing by itself.

The module keeps one runtime a process. A child made by fork begins without one, since neither
threads nor engines live through a fork.
"""

from __future__ import annotations

import os
import threading

from apps.ml_models.runtime.choices import Choice, Shadow, Target
from apps.ml_models.runtime.process import Role, Runtime
from apps.ml_models.runtime.routes import Routes

__all__ = [
    "Choice",
    "Role",
    "Routes",
    "Runtime",
    "Shadow",
    "Target",
    "current",
    "is_ready",
    "refresh",
    "start",
    "stop",
    "why_not_ready",
]

_runtime: Runtime | None = None
_lock = threading.Lock()


def start(role: Role = "web", *, in_background: bool = True) -> Runtime:
    """Make this process's runtime, once; again it is the same one.

    Args:
        role: a web process serves what aliases point at; a worker only what it is asked for.
        in_background: False leaves out the thread; refresh() then does its work.
    """
    global _runtime  # noqa: PLW0603 - one runtime a process
    with _lock:
        if _runtime is None:
            _runtime = Runtime(role)
            if in_background:
                _runtime.start()
        return _runtime


def stop() -> None:
    """End the thread and forget the process's row; for an orderly end and for tests."""
    global _runtime
    with _lock:
        runtime, _runtime = _runtime, None
    if runtime is not None:
        runtime.stop()


def current() -> Runtime | None:
    """The runtime, or None before start()."""
    return _runtime


def refresh() -> Runtime:
    """Follow routing now, in this thread: for tests and for commands."""
    runtime = start("web", in_background=False)
    runtime.refresh()
    return runtime


def why_not_ready() -> str | None:
    """None when this process serves the default model, else the reason."""
    return "the model runtime has not started" if _runtime is None else _runtime.why_not_ready()


def is_ready() -> bool:
    return why_not_ready() is None


def _forget_after_fork() -> None:
    global _runtime, _lock
    _runtime, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)
