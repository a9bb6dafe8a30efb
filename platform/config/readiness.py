"""What /readyz asks: database, migrations, Redis, the default model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.ml_models import runtime
from core.redis_client import limits_client

if TYPE_CHECKING:
    from collections.abc import Callable

_migrated = False


def check_database() -> str | None:
    """None when a statement can be run, else the reason."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return None


def check_migrations() -> str | None:
    """None when no migration is waiting. A yes is remembered: the running code does not change."""
    global _migrated  # noqa: PLW0603 - one fact a process, only ever set to True
    if not _migrated:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if waiting:
            return f"{len(waiting)} migrations are waiting"
        _migrated = True
    return None


def check_redis() -> str | None:
    limits_client().ping()
    return None


def check_default_model() -> str | None:
    """None when this process serves the default model."""
    return runtime.why_not_ready()


CHECKS: dict[str, Callable[[], str | None]] = {
    "database": check_database,
    "migrations": check_migrations,
    "redis": check_redis,
    "default_model": check_default_model,
}
