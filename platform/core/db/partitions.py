"""Tables cut by day: partitions made ahead and dropped behind, also by a role without DDL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from datetime import date

AHEAD_MAX = 366  # days that one call may make


def ensure_day_partitions(table: str, *, first: date, days: int) -> list[str]:
    """Make the partitions of `days` days from `first` on that do not exist; the names of the new.

    Days are those of the key column, in UTC as the platform writes it. Safe to call from several
    processes at once.

    Args:
        table: made by CreatePartitionedByDay; any other is refused.
        first: the first of the days.
        days: at most AHEAD_MAX.

    Raises:
        ValueError: days is not between 1 and AHEAD_MAX.
        ProgrammingError: not a table of ours, or one that this role may not insert into.
        OperationalError: the table's lock was not to be had; try again later.
    """
    if not 1 <= days <= AHEAD_MAX:
        raise ValueError(f"days is {days}, not between 1 and {AHEAD_MAX}.")
    return _call("SELECT core_ensure_day_partitions(%s, %s, %s)", [table, first, days])


def drop_day_partitions_before(table: str, day: date) -> list[str]:
    """Drop, with their rows, the partitions of days before `day`; their names.

    Raises:
        ProgrammingError: not a table of ours, or one that this role may not delete from.
        OperationalError: the table's lock was not to be had; try again later.
    """
    return _call("SELECT core_drop_day_partitions_before(%s, %s)", [table, day])


def day_partitions(table: str) -> list[str]:
    """Names of the partitions there are, oldest first."""
    return _call(
        "SELECT child.relname::text FROM pg_inherits"
        " JOIN pg_class AS parent ON parent.oid = inhparent"
        " JOIN pg_class AS child ON child.oid = inhrelid"
        " WHERE parent.relname = %s AND parent.relkind = 'p' ORDER BY child.relname",
        [table],
    )


def _call(statement: str, parameters: list[str | int | date]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [name for (name,) in cursor.fetchall()]
