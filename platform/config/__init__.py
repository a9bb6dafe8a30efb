"""The Django project: wiring and nothing else; loads the Celery app for `shared_task`."""

from __future__ import annotations

from config.celery import app as celery_app

__all__ = ["celery_app"]
