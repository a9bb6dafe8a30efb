"""PostgreSQL: connections, roles, and timeouts so that one slow statement stops no other."""

from __future__ import annotations

import os
import sys
from typing import Any

from config.settings.env import env_int, env_seconds, env_str, parse_database_url

CONNECT_TIMEOUT = 2  # seconds to reach the server; a request must not wait longer for a dead one
STATEMENT_TIMEOUT = env_int(
    "DATABASE_STATEMENT_TIMEOUT_MS", 5_000
)  # milliseconds a statement may run
LOCK_TIMEOUT = env_int("DATABASE_LOCK_TIMEOUT_MS", 2_000)  # milliseconds to wait for a row lock
IDLE_IN_TRANSACTION_TIMEOUT = 10_000  # milliseconds a transaction may sit idle before it is ended
MIGRATE_LOCK_TIMEOUT = (
    4_000  # milliseconds; a migration gives way rather than stop the running code
)
MIGRATE_STATEMENT_TIMEOUT = 60_000  # milliseconds; longer work belongs in a batched task
# Of core.db.prepared, triggers and foreign keys: they are written so that one plan fits whatever
# they are given. PostgreSQL by itself plans some of them anew each time, at half of their cost.
PLAN_CACHE_MODE = "force_generic_plan"
CONNECTION_AGE = env_seconds(
    "DATABASE_CONNECTION_AGE_SECONDS", 60.0
)  # seconds a connection is kept

DDL_COMMANDS = {"migrate", "makemigrations", "sqlmigrate", "flush"}


def _is_owner_command() -> bool:
    return len(sys.argv) > 1 and sys.argv[1] in DDL_COMMANDS


def database(url: str, *, owner: bool) -> dict[str, Any]:
    """Django's settings of one connection. The application's role owns nothing and has no DDL."""
    parts = parse_database_url("DATABASE_URL", url)
    lock = MIGRATE_LOCK_TIMEOUT if owner else LOCK_TIMEOUT
    statement = MIGRATE_STATEMENT_TIMEOUT if owner else STATEMENT_TIMEOUT
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.name,
        "USER": parts.user,
        "PASSWORD": parts.password,
        "HOST": parts.host,
        "PORT": parts.port,
        "CONN_MAX_AGE": CONNECTION_AGE,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,  # a prediction would hold a transaction while the engine works
        "OPTIONS": {
            "connect_timeout": CONNECT_TIMEOUT,
            "application_name": os.environ.get("AGORA_PROCESS", "agora"),
            "options": (
                f"-c statement_timeout={statement} -c lock_timeout={lock}"
                f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT}"
                f" -c plan_cache_mode={PLAN_CACHE_MODE}"
            ),
        },
    }


def databases() -> dict[str, dict[str, Any]]:
    """`default` is the application's role; commands that change tables take the owner's instead."""
    url = env_str("DATABASE_URL")
    if _is_owner_command():
        return {"default": database(os.environ.get("DATABASE_OWNER_URL", url), owner=True)}
    return {"default": database(url, owner=False)}
