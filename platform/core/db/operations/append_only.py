"""A table whose rows can be added and read, and nothing else, whoever asks."""

from __future__ import annotations

from django.db.migrations.operations import RunSQL

FUNCTION = """
CREATE OR REPLACE FUNCTION core_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


class MakeAppendOnly(RunSQL):
    """Refuse UPDATE and DELETE of a table's rows by a trigger; only its owner can take that off.

    Args:
        table: a table that exists; a name of ours, not of a user.
    """

    def __init__(self, table: str) -> None:
        self.table = table
        trigger = f"{table}_append_only"
        super().__init__(
            sql=[
                FUNCTION,
                (
                    f'CREATE TRIGGER "{trigger}" BEFORE UPDATE OR DELETE ON "{table}"'
                    " FOR EACH ROW EXECUTE FUNCTION core_refuse_change()"
                ),
            ],
            reverse_sql=f'DROP TRIGGER "{trigger}" ON "{table}"',
        )

    def deconstruct(self) -> tuple[str, list[str], dict[str, object]]:
        return type(self).__name__, [self.table], {}

    def describe(self) -> str:
        return f"Make {self.table} append-only"
