"""Statements over a day's rows take longer than those of a request may."""

from __future__ import annotations

from typing import Final

from django.db import connection

STATEMENT_TIMEOUT: Final = 45_000  # milliseconds; below a task's limit of 60 s


def take_time() -> None:
    """Let each statement of the caller's transaction, which must be open, run STATEMENT_TIMEOUT."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = %s", [STATEMENT_TIMEOUT])
