"""Which operations of a migration the code of the last release can live with, and which it cannot.

The code of the last release goes on running while a migration does, and after it, until every
process has been replaced. So a new schema must take what the old code writes, keep what it reads,
and hold no lock for longer than a statement. docs/how-to/write-a-migration.md shows the ways.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from django.contrib.postgres import operations as postgres
from django.db.migrations import operations as ops


class Rule(NamedTuple):
    """Why it does not fit the running code, and the way that does."""

    why: str
    way: str


THREE_STEPS: Final = "expand, migrate, contract: docs/how-to/write-a-migration.md"
RULES: Final[dict[str, Rule]] = {
    "column_removed": Rule(
        "The running code reads and writes the column.",
        "Release code without it first (SeparateDatabaseAndState with state_operations alone); drop"
        " the column in the release after that with RunSQL.",
    ),
    "left_behind": Rule(
        "New code leaves the column out of its inserts, and the database asks for a value.",
        "Make it null=True or give it a db_default in this migration, before the state forgets it.",
    ),
    "table_removed": Rule(
        "The running code reads and writes the table.",
        "Release code without the model first (state_operations alone), drop the table later.",
    ),
    "renamed": Rule(
        "The running code knows the old name.",
        "Keep the name in the database (db_column, db_table), or add a new one and " + THREE_STEPS,
    ),
    "not_null_added": Rule(
        "The running code's inserts leave the new column out.",
        "Give it a db_default, or null=True until the release after this one.",
    ),
    "not_null_set": Rule(
        "The running code may write NULL, and the table is read whole under an exclusive lock.",
        "Fill the rows, add CHECK (... IS NOT NULL) NOT VALID, validate it in a migration of its"
        " own, and set NOT NULL in the release after that.",
    ),
    "default_dropped": Rule(
        "The running code's inserts rely on the default.", "Drop it in the release after this one."
    ),
    "type_changed": Rule(
        "The table is written anew under an exclusive lock, and old values may not fit.",
        "Add a column of the new type, and " + THREE_STEPS,
    ),
    "rewritten": Rule(
        "A stored generated column writes the table anew under an exclusive lock.",
        "Add a plain column, fill it in batches, and keep it in step in the service.",
    ),
    "index_locks": Rule(
        "Making the index keeps writers out until it is done.",
        "AddIndexConcurrently, alone in a migration with atomic = False; for a new column or"
        " foreign key db_index=False first.",
    ),
    "constraint_locks": Rule(
        "The table is read whole while nobody may write.",
        "A check: AddConstraintNotValid, then ValidateConstraint in a migration of its own. Unique:"
        " the index concurrently, then ADD CONSTRAINT ... USING INDEX. A foreign key:"
        " db_constraint=False, then ADD CONSTRAINT ... NOT VALID and VALIDATE.",
    ),
    "validated_under_lock": Rule(
        "The exclusive lock of ADD CONSTRAINT lasts until the transaction ends, while all rows are"
        " read.",
        "ValidateConstraint in a migration of its own.",
    ),
    "uniqueness_removed": Rule(
        "The running code relies on it: get_or_create, ON CONFLICT.",
        "Release code that does not, remove it in the release after that.",
    ),
    "rows_rewritten": Rule(
        "All rows change in one statement or transaction: locks, and the statement timeout.",
        "A task that works in batches (docs/how-to/add-a-task.md); what is small goes into"
        " RunPython(elidable=True) in a migration with atomic = False, in batches of its own.",
    ),
    "rule_added": Rule(
        "A trigger refuses or changes what the running code writes.",
        "Release code that obeys it first; then excuse it with that reason.",
    ),
    "not_understood": Rule(
        "tests/contracts/migration_rules.py does not know this operation.", "Teach it."
    ),
}

BY_KIND: Final[dict[type, str]] = {
    ops.DeleteModel: "table_removed",
    ops.RenameModel: "renamed",
    ops.AlterModelTable: "renamed",
    ops.AddIndex: "index_locks",
    ops.AddConstraint: "constraint_locks",
    ops.AlterUniqueTogether: "constraint_locks",
    ops.AlterIndexTogether: "index_locks",
}
KNOWN: Final = frozenset(
    {*BY_KIND, ops.AddField, ops.AlterField, ops.RemoveField, ops.RenameField, ops.RemoveConstraint}
)
HARMLESS: Final = (
    ops.CreateModel,
    ops.AlterModelOptions,
    ops.AlterModelManagers,
    ops.AlterModelTableComment,
    ops.RemoveIndex,
    ops.RenameIndex,
    ops.AlterConstraint,  # its words alone
    postgres.AddIndexConcurrently,
    postgres.AddConstraintNotValid,
)

NAME: Final = r'(?:ONLY\s+)?"?(?P<table>\w+)"?'
COLUMN: Final = r'"?(?P<column>\w+)"?'
ALTER: Final = rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?{NAME}\s.*?"
# What SQL may not do to a released table; with a column: to a released column of it.
IN_SQL: Final = [
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), rule)
    for pattern, rule in (
        (rf"{ALTER}DROP\s+COLUMN\s+(?:IF\s+EXISTS\s+)?{COLUMN}", "column_removed"),
        (rf"DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?{NAME}", "table_removed"),
        (rf"{ALTER}RENAME\s", "renamed"),
        (rf"{ALTER}ALTER\s+(?:COLUMN\s+)?{COLUMN}\s+SET\s+NOT\s+NULL", "not_null_set"),
        (rf"{ALTER}ALTER\s+(?:COLUMN\s+)?{COLUMN}\s+DROP\s+DEFAULT", "default_dropped"),
        (rf"{ALTER}ALTER\s+(?:COLUMN\s+)?{COLUMN}\s+(?:SET\s+DATA\s+)?TYPE\s", "type_changed"),
        (rf"CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY).*?\sON\s+{NAME}", "index_locks"),
        (rf"{ALTER}ADD\s+CONSTRAINT(?!.*(?:NOT\s+VALID|USING\s+INDEX))", "constraint_locks"),
        (rf"UPDATE\s+{NAME}\s+SET\s", "rows_rewritten"),
        (rf"DELETE\s+FROM\s+{NAME}", "rows_rewritten"),
        (rf"TRUNCATE\s+(?:TABLE\s+)?{NAME}", "rows_rewritten"),
        (rf"CREATE\s+(?:OR\s+REPLACE\s+)?TRIGGER\s.*?\sON\s+{NAME}", "rule_added"),
    )
]
SQL_COMMENT: Final = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
