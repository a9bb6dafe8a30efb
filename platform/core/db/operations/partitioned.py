"""Tables partitioned by day, and the functions by which a role without DDL keeps them going."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.migrations.operations import CreateModel, RunSQL

if TYPE_CHECKING:
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor
    from django.db.migrations.state import ProjectState
    from django.db.models import Field, Model

MARK = "agora: partitioned by day"

# The functions belong to the tables' owner and run with its rights (SECURITY DEFINER), so they
# trust nothing: the table must carry the mark, belong to the functions' own owner, and be one that
# the caller may fill anyway (to make a partition) or empty anyway (to drop one). Names are resolved
# in pg_catalog alone and quoted by format('%I').
FIND = """
CREATE FUNCTION core_day_partitioned(wanted text, privilege text) RETURNS oid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found oid;
BEGIN
    SELECT class.oid INTO found
    FROM pg_class AS class
    JOIN pg_description AS note ON note.objoid = class.oid
        AND note.classoid = 'pg_class'::regclass AND note.objsubid = 0
    WHERE class.relname = wanted AND class.relkind = 'p'
        AND class.relowner = current_user::regrole AND note.description = '{mark}';
    IF found IS NULL OR NOT has_table_privilege(session_user, found, privilege) THEN
        RAISE EXCEPTION 'there is no day-partitioned table % for %', quote_literal(wanted),
            session_user USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN found;
END $$
"""

# Made beside the table and then attached, which lets readers and writers of other days go on;
# CREATE TABLE ... PARTITION OF would lock them all out.
ENSURE = """
CREATE FUNCTION core_ensure_day_partitions(wanted text, first_day date, days integer)
RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent oid := core_function_schema.core_day_partitioned(wanted, 'INSERT');
    home text := (SELECT nspname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
                  WHERE pg_class.oid = parent);
    day date;
    partition text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('day partitions ' || wanted, 0));
    FOR day IN SELECT first_day + step FROM generate_series(0, days - 1) AS step LOOP
        partition := wanted || '_p' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(format('%I.%I', home, partition)) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I.%I (LIKE %I.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS'
            ' INCLUDING GENERATED INCLUDING STORAGE)', home, partition, home, wanted);
        EXECUTE format('ALTER TABLE %I.%I ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
            home, wanted, home, partition, day, day + 1);
        RETURN NEXT partition;
    END LOOP;
END $$
"""

DROP = """
CREATE FUNCTION core_drop_day_partitions_before(wanted text, first_kept date)
RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent oid := core_function_schema.core_day_partitioned(wanted, 'DELETE');
    doomed record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('day partitions ' || wanted, 0));
    FOR doomed IN
        SELECT child.relname, n.nspname FROM pg_inherits
        JOIN pg_class AS child ON child.oid = inhrelid
        JOIN pg_namespace AS n ON n.oid = child.relnamespace
        WHERE inhparent = parent
            AND child.relname < wanted || '_p' || to_char(first_kept, 'YYYYMMDD')
        ORDER BY child.relname
    LOOP
        EXECUTE format('DROP TABLE %I.%I', doomed.nspname, doomed.relname);
        RETURN NEXT doomed.relname::text;
    END LOOP;
END $$
"""

# The functions call each other by their full name, whatever schema the migration runs in.
IN_THIS_SCHEMA = """
DO $outer$ BEGIN
    EXECUTE replace($body${body}$body$, 'core_function_schema', quote_ident(current_schema()));
END $outer$
"""


class InstallPartitionFunctions(RunSQL):
    """Make the functions behind core.db.partitions, owned by the role that migrates."""

    def __init__(self) -> None:
        super().__init__(
            sql=[
                FIND.replace("{mark}", MARK),
                *(IN_THIS_SCHEMA.replace("{body}", body) for body in (ENSURE, DROP)),
            ],
            reverse_sql=[
                "DROP FUNCTION core_drop_day_partitions_before(text, date)",
                "DROP FUNCTION core_ensure_day_partitions(text, date, integer)",
                "DROP FUNCTION core_day_partitioned(text, text)",
            ],
        )

    def deconstruct(self) -> tuple[str, list[str], dict[str, object]]:
        return type(self).__name__, [], {}

    def describe(self) -> str:
        return "Install the functions that make and drop day partitions"


class DayPartitionedEditor(DatabaseSchemaEditor):
    """Writes CREATE TABLE with the day in the key and as what the table is partitioned by."""

    day = "day"
    key = "id"

    @property
    def sql_create_table(self) -> str:  # type: ignore[override] # a plain string in Django
        day, key = self.quote_name(self.day), self.quote_name(self.key)
        return (
            f"CREATE TABLE %(table)s (%(definition)s, PRIMARY KEY ({key}, {day}))"
            f" PARTITION BY RANGE ({day})"
        )

    def column_sql(
        self,
        model: type[Model],
        field: Field[Any, Any],
        include_default: bool = False,  # noqa: FBT001, FBT002 - Django's signature
    ) -> tuple[None, None] | tuple[str, list[Any]]:
        definition, parameters = super().column_sql(model, field, include_default)
        if definition is None or parameters is None:
            return None, None
        if field.primary_key:
            definition = definition.replace(" PRIMARY KEY", "")
        return definition, parameters


class CreatePartitionedByDay(CreateModel):
    """CreateModel for a table partitioned by the DateField `day`.

    PostgreSQL wants the day in every unique key: the primary key becomes (id, day), while Django
    goes on calling `id` the key, which a UUIDv7 is by itself. The table starts without partitions;
    core.db.partitions makes them.
    """

    day = "day"

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,  # noqa: ARG002 - Django's signature
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        self._refuse_what_cannot_be(model)
        editor = DayPartitionedEditor(schema_editor.connection, atomic=False)
        editor.collect_sql = schema_editor.collect_sql
        editor.deferred_sql = schema_editor.deferred_sql
        if schema_editor.collect_sql:
            editor.collected_sql = schema_editor.collected_sql
        editor.key = model._meta.pk.column  # noqa: SLF001 - Django's documented model API
        editor.create_model(model)
        table = schema_editor.quote_name(model._meta.db_table)  # noqa: SLF001 - likewise
        schema_editor.execute(f"COMMENT ON TABLE {table} IS '{MARK}'")

    def _refuse_what_cannot_be(self, model: type[Model]) -> None:
        fields = {field.name: field for field in model._meta.local_fields}  # noqa: SLF001 - likewise
        day = fields.get(self.day)
        if day is None or day.get_internal_type() != "DateField" or day.null:
            raise ImproperlyConfigured(f"{model.__name__} needs a DateField {self.day}, not null.")
        unique = [name for name, field in fields.items() if field.unique and not field.primary_key]
        if unique:
            raise ImproperlyConfigured(f"Unique without the day cannot be kept: {unique}.")

    def describe(self) -> str:
        return f"{super().describe()}, partitioned by day"
