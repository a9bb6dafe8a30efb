"""The rules for migrations on small ones: what is refused, and the way round that is not."""

import re

import pytest
from django.contrib.postgres import operations as postgres
from django.db import models
from django.db.migrations import Migration
from django.db.migrations import operations as ops
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import Q

from core.db.operations import MakeAppendOnly
from tests.contracts.migration_faults import faults_of
from tests.contracts.migration_rules import RULES

CHECK = models.CheckConstraint(name="small", condition=Q(size__lt=9))
ONCE = models.UniqueConstraint(name="once", fields=["code"])
INDEX = models.Index(fields=["code"], name="by_code")


def released():
    """`shop_thing` and `shop_maker`, as the running code knows them."""
    state = ProjectState()
    state.add_model(ModelState("shop", "Maker", [("id", models.BigAutoField(primary_key=True))]))
    state.add_model(
        ModelState(
            "shop",
            "Thing",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("code", models.CharField(max_length=20)),
                ("note", models.TextField(null=True)),
                ("size", models.IntegerField(db_default=0)),
                ("rank", models.IntegerField(null=True, db_default=0)),
            ],
            {"constraints": [CHECK, ONCE], "indexes": []},
        )
    )
    return state


def migration(*operations, atomic=True):
    made = Migration("0002_next", "shop")
    made.operations, made.atomic = list(operations), atomic
    return made


def rules(*operations, atomic=True):
    state = released()
    faults = faults_of(migration(*operations, atomic=atomic), released=state, before=state)
    return [fault.rule for fault in faults]


def add(field, name="fresh"):
    return ops.AddField("thing", name, field)


def alter(name, field):
    return ops.AlterField("thing", name, field)


def in_state_alone(*operations):
    return ops.SeparateDatabaseAndState(state_operations=list(operations))


def nothing(apps, editor):
    pass


MAKER = "shop.Maker"
REFUSED = [
    (ops.RemoveField("thing", "note"), "column_removed"),
    (in_state_alone(ops.RemoveField("thing", "code")), "left_behind"),
    (ops.DeleteModel("Maker"), "table_removed"),
    (ops.RenameModel("Maker", "Builder"), "renamed"),
    (ops.AlterModelTable("thing", "things"), "renamed"),
    (ops.RenameField("thing", "note", "remark"), "renamed"),
    (add(models.IntegerField(default=0)), "not_null_added"),
    (add(models.CharField(max_length=9, null=True, db_index=True)), "index_locks"),
    (add(models.CharField(max_length=9, null=True, unique=True)), "index_locks"),
    (alter("note", models.TextField()), "not_null_set"),
    (alter("note", models.TextField(db_default="")), "not_null_set"),
    (alter("size", models.IntegerField()), "default_dropped"),
    (alter("size", models.BigIntegerField(db_default=0)), "type_changed"),
    (alter("code", models.CharField(max_length=19)), "type_changed"),
    (alter("note", models.CharField(max_length=19, null=True)), "type_changed"),
    (alter("code", models.CharField(max_length=20, db_index=True)), "index_locks"),
    (alter("code", models.CharField(max_length=20, db_column="c")), "renamed"),
    (ops.AddIndex("thing", INDEX), "index_locks"),
    (
        ops.AddConstraint("thing", models.CheckConstraint(name="x", condition=Q(size=1))),
        "constraint_locks",
    ),
    (
        ops.AddConstraint("thing", models.UniqueConstraint(name="x", fields=["note"])),
        "constraint_locks",
    ),
    (ops.AlterUniqueTogether("thing", {("code", "note")}), "constraint_locks"),
    (ops.RemoveConstraint("thing", "once"), "uniqueness_removed"),
    (ops.RunPython(nothing), "rows_rewritten"),
    (ops.RunPython(nothing, elidable=True), "rows_rewritten"),
    (ops.RunSQL("ALTER TABLE shop_thing DROP COLUMN note"), "column_removed"),
    (ops.RunSQL('alter table "shop_thing" drop column if exists "note"'), "column_removed"),
    (ops.RunSQL(["SELECT 1", ("DROP TABLE shop_maker", [])]), "table_removed"),
    (ops.RunSQL("ALTER TABLE shop_thing RENAME COLUMN note TO remark"), "renamed"),
    (ops.RunSQL("ALTER TABLE shop_thing ALTER COLUMN note SET NOT NULL"), "not_null_set"),
    (ops.RunSQL("ALTER TABLE shop_thing ALTER size DROP DEFAULT"), "default_dropped"),
    (ops.RunSQL("ALTER TABLE shop_thing ALTER COLUMN size TYPE bigint"), "type_changed"),
    (ops.RunSQL("CREATE UNIQUE INDEX x ON shop_thing (code)"), "index_locks"),
    (ops.RunSQL("ALTER TABLE shop_thing ADD CONSTRAINT x CHECK (size > 0)"), "constraint_locks"),
    (ops.RunSQL("-- all of them\nUPDATE shop_thing SET size = 1"), "rows_rewritten"),
    (ops.RunSQL("DELETE FROM ONLY shop_thing"), "rows_rewritten"),
    (ops.RunSQL("TRUNCATE shop_thing"), "rows_rewritten"),
    (MakeAppendOnly("shop_thing"), "rule_added"),
    (postgres.CreateExtension("pg_trgm"), "not_understood"),
    (ops.AlterOrderWithRespectTo("thing", None), "not_understood"),
]
FITTING = [
    in_state_alone(ops.RemoveField("thing", "note")),
    in_state_alone(ops.RemoveField("thing", "size")),
    in_state_alone(ops.DeleteModel("Maker")),
    ops.CreateModel("Fresh", [("id", models.BigAutoField(primary_key=True))]),
    add(models.IntegerField(null=True)),
    add(models.IntegerField(db_default=0)),
    add(models.ManyToManyField(MAKER)),
    add(models.ForeignKey(MAKER, models.CASCADE, null=True, db_index=False, db_constraint=False)),
    alter("code", models.CharField(max_length=21)),
    alter("code", models.TextField()),
    alter("code", models.CharField(max_length=20, help_text="A code.", choices=[("a", "A")])),
    alter("code", models.CharField(max_length=20, null=True)),
    alter("rank", models.IntegerField(db_default=0)),
    alter("size", models.IntegerField(db_default=1)),
    ops.AlterModelOptions("thing", {"verbose_name": "x"}),
    ops.RemoveConstraint("thing", "small"),
    postgres.AddConstraintNotValid("thing", models.CheckConstraint(name="x", condition=Q(size=1))),
    postgres.ValidateConstraint("thing", "small"),
    ops.RunSQL("CREATE INDEX CONCURRENTLY x ON shop_thing (code)"),
    ops.RunSQL("ALTER TABLE shop_thing ADD CONSTRAINT x CHECK (size > 0) NOT VALID"),
    ops.RunSQL("ALTER TABLE shop_thing ADD CONSTRAINT x UNIQUE USING INDEX y"),
    ops.RunSQL("ALTER TABLE shop_thing DROP COLUMN forgotten"),
    ops.RunSQL("UPDATE another_table SET size = 1; DROP TABLE another_table"),
    ops.RunSQL("-- UPDATE shop_thing SET size = 1", ops.RunSQL.noop),
    MakeAppendOnly("another_table"),
]


def name_of(value):
    """A parameter's name that is the same in every process: no addresses of functions."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


class TestFaultsOf:
    @pytest.mark.parametrize(("operation", "rule"), REFUSED, ids=name_of)
    def test_are_found_in_what_the_running_code_cannot_live_with(self, operation, rule):
        assert rules(operation) == [rule]

    @pytest.mark.parametrize("operation", FITTING, ids=name_of)
    def test_are_not_found_in_what_it_can(self, operation):
        assert rules(operation) == []

    def test_are_all_named_and_each_rule_is_tried_here(self):
        tried = {rule for _, rule in REFUSED} | {"validated_under_lock", "rewritten"}

        assert tried == RULES.keys()

    def test_of_a_foreign_key_are_its_index_and_its_constraint(self):
        key = models.ForeignKey(MAKER, models.CASCADE, null=True)

        assert rules(add(key)) == ["index_locks", "constraint_locks"]

    def test_of_a_stored_column_is_that_the_table_is_written_anew(self):
        field = models.GeneratedField(
            expression=models.F("size") + 1, output_field=models.IntegerField(), db_persist=True
        )

        assert rules(add(field)) == ["rewritten"]

    def test_of_a_check_is_to_validate_it_while_its_lock_is_held(self):
        constraint = models.CheckConstraint(name="x", condition=Q(size__lt=5))
        adding = postgres.AddConstraintNotValid("thing", constraint)
        validating = postgres.ValidateConstraint("thing", "x")

        assert rules(adding, validating) == ["validated_under_lock"]
        assert rules(adding, validating, atomic=False) == []

    def test_of_an_index_there_are_none_when_it_is_made_beside_the_work(self):
        assert rules(postgres.AddIndexConcurrently("thing", INDEX), atomic=False) == []

    def test_of_rows_there_are_none_when_they_change_in_batches(self):
        assert rules(ops.RunPython(nothing, elidable=True), atomic=False) == []
        assert rules(ops.RunPython(nothing), atomic=False) == ["rows_rewritten"]

    def test_are_none_of_what_the_running_code_has_never_seen(self):
        assert (
            rules(
                ops.CreateModel("Fresh", [("id", models.BigAutoField(primary_key=True))]),
                ops.AddField("fresh", "code", models.TextField(default="")),
                ops.AddIndex("fresh", models.Index(fields=["code"], name="by_fresh_code")),
                ops.AlterField("fresh", "code", models.IntegerField(default=0)),
                ops.RunSQL("UPDATE shop_fresh SET code = 1"),
                ops.RemoveField("fresh", "code"),
                ops.DeleteModel("Fresh"),
                add(models.IntegerField(null=True)),
                ops.RemoveField("thing", "fresh"),
            )
            == []
        )

    def test_are_found_behind_what_only_the_database_hears(self):
        removing = ops.RemoveField("thing", "note")

        assert rules(ops.SeparateDatabaseAndState([removing], [removing])) == ["column_removed"]

    def test_say_where_why_and_which_way(self):
        state = released()
        faulty = migration(ops.RemoveField("thing", "note"))

        text = str(faults_of(faulty, released=state, before=state)[0])

        assert text.startswith("shop.0002_next: Remove field note from thing\n")
        assert RULES["column_removed"].why in text
        assert RULES["column_removed"].way in text

    def test_leave_the_state_that_they_were_given(self):
        state = released()

        faults_of(migration(ops.DeleteModel("Maker")), released=state, before=state)

        assert ("shop", "maker") in state.models
