"""What config alone may join: apps to the kernel, and what each kind of process starts."""

from __future__ import annotations

from apps.ml_models import runtime
from config import demo, readiness
from core.db.looks import look_once_a_request
from core.observability import health
from core.security import revocation


def connect() -> None:
    """Hand the kernel what it must ask others for. Called once the app registry is full."""
    health.register(readiness.CHECKS)


def start_web_process() -> None:
    """Load what this process serves, and what is revoked, before the first request asks."""
    demo.refuse_open_doors_in_production()
    look_once_a_request()
    runtime.start(role="web")
    revocation.snapshot()
