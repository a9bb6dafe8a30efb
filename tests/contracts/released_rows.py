"""Whether a database takes what the code of the last release writes into it.

The released code names, in each INSERT, the columns that it knows. So a row that is there is
written once more, with these columns alone, into an empty table of the same making, and whatever
PostgreSQL says against it is a fault: a column that must have a value, a check, a type, a name.
Foreign keys and triggers are not copied; migration_rules refuses new ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import DatabaseError, connection, transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db.migrations.state import ProjectState

Columns = dict[str, list[str]]
GONE = "there is no such table"


def columns_of(state: ProjectState, labels: Iterable[str]) -> Columns:
    """By table of these apps, the columns that code of this state names when it inserts a row."""
    return {
        model._meta.db_table: [
            field.column for field in model._meta.local_concrete_fields if not field.generated
        ]
        for model in state.apps.get_models(include_auto_created=True)
        if model._meta.app_label in labels and model._meta.managed
    }


def refusals(columns: Mapping[str, list[str]]) -> dict[str, str]:
    """By table, why an insert with these columns is refused; a table without a row is passed over.

    The caller is in a transaction; nothing is left of it afterwards.
    """
    tables = set(connection.introspection.table_names())
    found = {table: GONE for table in columns if table not in tables} | {
        table: _refusal(table, named)
        for table, named in columns.items()
        if table in tables and has_row(table)
    }
    return {table: why for table, why in found.items() if why}


def has_row(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT FROM {connection.ops.quote_name(table)})")
        return cursor.fetchone()[0]


def _refusal(table: str, columns: list[str]) -> str:
    savepoint = transaction.savepoint()
    try:
        _write(table, columns)
    except DatabaseError as error:
        return str(error).strip()
    finally:
        transaction.savepoint_rollback(savepoint)
    return ""


def _write(table: str, columns: list[str]) -> None:
    """Insert a row that is there into a table of the same making, with these columns alone.

    Raises:
        DatabaseError: it is not taken.
    """
    named = ", ".join(map(connection.ops.quote_name, columns))
    place = connection.ops.quote_name(table)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE of_its_like (LIKE {place} INCLUDING ALL)")
        cursor.execute(f"INSERT INTO of_its_like ({named}) SELECT {named} FROM {place} LIMIT 1")
