"""Whether a migration fits the running code: its operations one by one, by migration_rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.contrib.postgres import operations as postgres
from django.db import connection
from django.db.migrations import operations as ops
from django.db.models import NOT_PROVIDED, UniqueConstraint

from tests.contracts.migration_rules import (
    BY_KIND,
    HARMLESS,
    IN_SQL,
    KNOWN,
    RULES,
    SQL_COMMENT,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.migrations import Migration
    from django.db.migrations.operations.base import Operation
    from django.db.migrations.state import ProjectState
    from django.db.models import Field, Model

VARCHAR: Final = re.compile(r"varchar(?:\((\d+)\))?|text")


@dataclass(frozen=True)
class Fault:
    """An operation that does not fit.

    Attributes:
        place: migration and operation, e.g. "core.0007_x: Add field y to z"; excuses name it.
        rule: a key of RULES.
    """

    place: str
    rule: str

    def __str__(self) -> str:
        why, way = RULES[self.rule]
        return f"{self.place}\n    {self.rule}: {why}\n    Way: {way}"


def faults_of(migration: Migration, *, released: ProjectState, before: ProjectState) -> list[Fault]:
    """What in a migration does not fit.

    Args:
        released: the state that the running code knows.
        before: the state before the migration; left as it is.
    """
    return list(_Walk(migration, released, before.clone()).faults())


class _Walk:
    """Through the operations of one migration, with the state that each finds."""

    def __init__(self, migration: Migration, released: ProjectState, state: ProjectState) -> None:
        self.migration, self.released, self.state = migration, released, state
        self.label = migration.app_label
        self.not_valid: set[str] = set()  # constraints that this migration adds

    def faults(self) -> Iterator[Fault]:
        for operation in self.migration.operations:
            yield from self._faults(operation)

    def _faults(self, operation: Operation) -> Iterator[Fault]:
        before = self.state.clone()
        if isinstance(operation, ops.SeparateDatabaseAndState):
            yield from self._separate(operation)
        else:
            operation.state_forwards(self.label, self.state)
            place = f"{self.label}.{self.migration.name}: {operation.describe()}"
            yield from (Fault(place, rule) for rule in self._rules(operation, before))

    def _separate(self, operation: ops.SeparateDatabaseAndState) -> Iterator[Fault]:
        """The database's part like any other; of the state's, what it leaves behind."""
        place = f"{self.label}.{self.migration.name}: {operation.describe()}"
        after = self.state.clone()
        for part in operation.state_operations:
            if isinstance(part, ops.RemoveField) and not operation.database_operations:
                column = _field(self.state, self.label, part.model_name, part.name)
                if column is not None and not _may_be_left_out(column):
                    yield Fault(place, "left_behind")
            part.state_forwards(self.label, after)
        for part in operation.database_operations:
            yield from self._faults(part)
        self.state = after

    # -- What is wrong with one operation

    def _rules(self, operation: Operation, before: ProjectState) -> Iterator[str]:
        if isinstance(operation, postgres.AddConstraintNotValid):
            self.not_valid.add(operation.constraint.name)
        elif isinstance(operation, postgres.ValidateConstraint):
            if operation.name in self.not_valid and self.migration.atomic:
                yield "validated_under_lock"
        elif isinstance(operation, ops.RunSQL):
            yield from self._in_sql(operation)
        elif isinstance(operation, ops.RunPython):
            there = any(label == self.label for label, _ in self.released.models)
            if there and (self.migration.atomic or not operation.elidable):
                yield "rows_rewritten"
        elif not isinstance(operation, HARMLESS):
            yield from self._of_model(operation, before)

    def _of_model(self, operation: Operation, before: ProjectState) -> Iterator[str]:
        if type(operation) not in KNOWN:
            yield "not_understood"
            return
        name = _model_of(operation)
        if (self.label, name.lower()) not in self.released.models:
            return  # the running code knows nothing of it
        if isinstance(operation, ops.AddField):
            yield from _added(self._now(name, operation.name))
        elif isinstance(operation, ops.AlterField):
            was = _field(self.released, self.label, name, operation.name)
            if was is not None:
                yield from _altered(was, self._now(name, operation.name))
        elif isinstance(operation, ops.RemoveConstraint):
            yield from self._unconstrained(operation, before)
        elif isinstance(operation, ops.RemoveField | ops.RenameField):
            old = getattr(operation, "old_name", getattr(operation, "name", ""))
            if _field(self.released, self.label, name, old) is not None:
                yield "renamed" if isinstance(operation, ops.RenameField) else "column_removed"
        else:
            yield BY_KIND.get(type(operation), "not_understood")

    def _now(self, model: str, name: str) -> Field[Any, Any]:
        field = _field(self.state, self.label, model, name)
        assert field is not None
        return field

    def _unconstrained(
        self, operation: ops.RemoveConstraint, before: ProjectState
    ) -> Iterator[str]:
        state = before.models[self.label, operation.model_name.lower()]
        constraint = state.get_constraint_by_name(operation.name)
        if isinstance(constraint, UniqueConstraint):
            yield "uniqueness_removed"

    def _in_sql(self, operation: ops.RunSQL) -> Iterator[str]:
        for statement in _statements(operation.sql):
            for pattern, rule in IN_SQL:
                found = pattern.search(statement)
                if found is not None and self._is_released(**found.groupdict()):
                    yield rule

    def _is_released(self, table: str, column: str | None = None) -> bool:
        models = [m for m in _models(self.released) if m._meta.db_table == table]
        columns = {field.column for model in models for field in model._meta.local_concrete_fields}
        return bool(models) and (column is None or column in columns)


def _model_of(operation: Operation) -> str:
    """An operation on a part of a model names it apart; one on a model has nothing else to name."""
    names = ("model_name", "old_name", "name")
    return next(str(getattr(operation, name)) for name in names if hasattr(operation, name))


def _models(state: ProjectState) -> list[type[Model]]:
    return state.apps.get_models(include_auto_created=True)


def _field(state: ProjectState, label: str, model: str, name: str) -> Field[Any, Any] | None:
    """A column as a state knows it; None where it has none."""
    found = state.models.get((label, model.lower()))
    if found is None or name not in found.fields:
        return None
    field: Field[Any, Any] = state.apps.get_model(label, model)._meta.get_field(name)
    return field


def _may_be_left_out(field: Field[Any, Any]) -> bool:
    """Whether a row may be inserted without it."""
    return field.null or field.has_db_default() or field.many_to_many or field.generated


def _added(field: Field[Any, Any]) -> Iterator[str]:
    if field.many_to_many:
        return  # a table of its own
    if not _may_be_left_out(field):
        yield "not_null_added"
    if field.generated:
        yield "rewritten"
    if field.unique or field.db_index:
        yield "index_locks"
    if field.remote_field and field.db_constraint:
        yield "constraint_locks"


def _altered(was: Field[Any, Any], now: Field[Any, Any]) -> Iterator[str]:
    if was.many_to_many or now.many_to_many:
        return
    if was.column != now.column:
        yield "renamed"
    if was.null and not now.null and not was.has_db_default():
        yield "not_null_set"
    if was.db_default is not NOT_PROVIDED and now.db_default is NOT_PROVIDED:
        yield "default_dropped"
    if not _fits(was.db_type(connection) or "", now.db_type(connection) or ""):
        yield "type_changed"
    if (now.unique and not was.unique) or (now.db_index and not was.db_index):
        yield "index_locks"
    if was.unique and not now.unique:
        yield "uniqueness_removed"
    if _target(now) not in {None, _target(was)}:
        yield "constraint_locks"


def _fits(was: str, now: str) -> bool:
    """Whether a column changes its type in its description alone, and takes what it took."""
    if was == now:
        return True
    before, after = VARCHAR.fullmatch(was), VARCHAR.fullmatch(now)
    if before is None or after is None:
        return False
    return after[1] is None or (before[1] is not None and int(after[1]) >= int(before[1]))


def _target(field: Field[Any, Any]) -> str | None:
    """What a foreign key that the database keeps leads to."""
    remote = field.remote_field
    return remote.model._meta.label_lower if remote and field.db_constraint else None


def _statements(sql: Any) -> list[str]:
    """Of RunSQL: a text, or a list of texts and of (text, parameters)."""
    listed = [sql] if isinstance(sql, str) else list(sql or [])
    texts = [part if isinstance(part, str) else part[0] for part in listed]
    return [
        statement
        for text in texts
        for statement in SQL_COMMENT.sub(" ", text).split(";")
        if statement.strip()
    ]
