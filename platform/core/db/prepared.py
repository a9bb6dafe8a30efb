"""Statements that a connection plans once: for the few whose planning is half of their cost."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Sequence

# By connection of the driver, so that a new session begins with none.
_prepared: Final[WeakKeyDictionary[Any, set[str]]] = WeakKeyDictionary()


class Prepared:
    """A statement of PostgreSQL's PREPARE, made on each connection when it first runs there.

    It needs a session of its own: not through a pooler that hands sessions round. A statement
    keeps the types of its columns for as long as the session lasts, so name each column.
    """

    def __init__(self, name: str, types: Sequence[str], text: str) -> None:
        """Describe it; nothing is asked of the database yet.

        Args:
            name: its own among all.
            types: of the parameters, e.g. ("uuid[]", "text").
            text: one statement that returns rows, with $1, $2, … for the parameters.
        """
        self.name = name
        self._types = ", ".join(types)
        self._text = text
        self._call = f"EXECUTE {name} ({', '.join(['%s'] * len(types))})"

    def rows(self, *values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - what the driver takes
        """Run it in the caller's transaction; all that it returns."""
        with connection.cursor() as cursor:
            self._prepare()
            cursor.execute(self._call, values)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def _prepare(self) -> None:
        """Past Django's cursor: it is no statement of the caller's, to be counted or logged."""
        session = connection.connection
        known = _prepared.setdefault(session, set())
        if self.name in known:
            return
        with connection.wrap_database_errors, session.cursor() as cursor:
            cursor.execute(self._statement)
        known.add(self.name)

    @cached_property
    def _statement(self) -> str:
        return f"PREPARE {self.name} ({self._types}) AS {self._text}"
