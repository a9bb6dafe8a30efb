"""Connections of threads that work behind the requests: named, and quick to give up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connections

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

PEER_TIMEOUT = 2_000  # milliseconds an unreachable server may stay silent (TCP_USER_TIMEOUT)


def own_connection(name: str, *, statement_timeout: int) -> BaseDatabaseWrapper:
    """A connection beside the thread's default one, that gives up on a server that has gone.

    Args:
        name: how the server's list of sessions calls it.
        statement_timeout: milliseconds a statement may run.
    """
    database = connections["default"].copy()
    options = database.settings_dict["OPTIONS"]
    given = options.get("options", "")
    database.settings_dict["OPTIONS"] = {
        **options,
        "options": f"{given} -c statement_timeout={statement_timeout}".strip(),
        "application_name": name,
        "tcp_user_timeout": PEER_TIMEOUT,
    }
    return database
