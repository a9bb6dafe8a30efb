"""Day partitions: made ahead and dropped behind, by the owner and by a role without DDL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import psycopg2
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, ProgrammingError, connection, models, transaction
from django.db.migrations.state import ProjectState
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.db.operations import CreatePartitionedByDay
from core.db.partitions import (
    AHEAD_MAX,
    day_partitions,
    drop_day_partitions_before,
    ensure_day_partitions,
)
from core.ids import uuid7

pytestmark = pytest.mark.django_db(transaction=True)

DAY = date(2026, 6, 1)
TABLE = "core_sighting"
FIELDS = [
    ("id", models.UUIDField(primary_key=True)),
    ("day", models.DateField()),
    ("text", models.CharField(max_length=20, db_index=True)),
]


def run(operation, name: str = "Sighting") -> None:
    before = ProjectState()
    after = before.clone()
    operation.state_forwards("core", after)
    with connection.schema_editor() as editor:
        operation.database_forwards("core", editor, before, after)


@pytest.fixture
def table():
    run(CreatePartitionedByDay("Sighting", FIELDS))
    yield TABLE
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {TABLE}")


def insert(day: date, key=None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {TABLE} (id, day, text) VALUES (%s, %s, 'x')", [key or uuid7(), day]
        )


def count() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {TABLE}")
        return cursor.fetchone()[0]


class TestCreatePartitionedByDay:
    def test_the_key_contains_the_day_and_indexes_reach_the_partitions(self, table):
        ensure_day_partitions(table, first=DAY, days=1)
        with connection.cursor() as cursor:
            constraints = connection.introspection.get_constraints(cursor, f"{TABLE}_p20260601")

        columns = [(found["primary_key"], found["columns"]) for found in constraints.values()]
        assert (True, ["id", "day"]) in columns
        assert (False, ["text"]) in columns

    def test_a_row_goes_to_its_day_and_nowhere_else(self, table):
        ensure_day_partitions(table, first=DAY, days=2)
        insert(DAY)
        insert(DAY + timedelta(days=1))

        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {TABLE}_p20260601")
            assert cursor.fetchone() == (1,)
        with pytest.raises(IntegrityError, match="no partition"):
            insert(DAY + timedelta(days=2))

    def test_the_key_is_unique_within_the_day(self, table):
        ensure_day_partitions(table, first=DAY, days=1)
        key = uuid7()
        insert(DAY, key)

        with pytest.raises(IntegrityError, match="duplicate key"):
            insert(DAY, key)

    @pytest.mark.parametrize(
        "fields",
        [
            [FIELDS[0]],
            [FIELDS[0], ("day", models.DateTimeField())],
            [FIELDS[0], ("day", models.DateField(null=True))],
            [*FIELDS[:2], ("code", models.CharField(max_length=3, unique=True))],
        ],
        ids=["no day", "not a date", "null", "unique without the day"],
    )
    def test_refuses_what_cannot_be_kept(self, fields):
        with pytest.raises(ImproperlyConfigured):
            run(CreatePartitionedByDay("Sighting", fields))

    def test_can_be_undone(self, table):
        ensure_day_partitions(table, first=DAY, days=2)
        operation = CreatePartitionedByDay("Sighting", FIELDS)
        after = ProjectState()
        operation.state_forwards("core", after)
        with connection.schema_editor() as editor:
            operation.database_backwards("core", editor, after, ProjectState())

        assert TABLE not in connection.introspection.table_names()
        run(CreatePartitionedByDay("Sighting", FIELDS))


class TestEnsure:
    def test_makes_what_is_missing_and_says_what(self, table):
        assert ensure_day_partitions(table, first=DAY, days=2) == [
            "core_sighting_p20260601",
            "core_sighting_p20260602",
        ]
        assert ensure_day_partitions(table, first=DAY, days=3) == ["core_sighting_p20260603"]
        assert len(day_partitions(table)) == 3

    def test_crosses_months_and_leap_days(self, table):
        made = ensure_day_partitions(table, first=date(2028, 2, 28), days=3)

        assert [name[-8:] for name in made] == ["20280228", "20280229", "20280301"]

    @pytest.mark.parametrize("days", [0, -1, AHEAD_MAX + 1])
    def test_refuses_a_number_of_days_that_cannot_be_meant(self, table, days):
        with pytest.raises(ValueError, match="days is"):
            ensure_day_partitions(table, first=DAY, days=days)

    @pytest.mark.parametrize(
        "name",
        [
            "core_revocation",
            "nothing",
            'x"; DROP TABLE core_revocation; --',
            "core_sighting_p20260601",
        ],
    )
    def test_refuses_tables_that_are_not_registered(self, table, name):
        ensure_day_partitions(table, first=DAY, days=1)

        with pytest.raises(ProgrammingError, match="no day-partitioned table"):
            ensure_day_partitions(name, first=DAY, days=1)
        with pytest.raises(ProgrammingError, match="no day-partitioned table"):
            drop_day_partitions_before(name, DAY)

        assert "core_revocation" in connection.introspection.table_names()

    def test_threads_that_make_the_same_days_do_not_collide(self, table):
        def make(_: int) -> int:
            made = len(ensure_day_partitions(table, first=DAY, days=10))
            connection.close()
            return made

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(make, range(6))) == 10

    def test_readers_and_writers_of_other_days_are_not_locked_out(self, table):
        ensure_day_partitions(table, first=DAY, days=1)

        def make() -> list[str]:
            made = ensure_day_partitions(table, first=DAY + timedelta(days=1), days=1)
            connection.close()
            return made

        with transaction.atomic(), ThreadPoolExecutor(1) as pool:
            insert(DAY)  # holds its lock on the table
            assert len(pool.submit(make).result(timeout=10)) == 1


class TestDrop:
    def test_drops_the_days_before_with_their_rows(self, table):
        ensure_day_partitions(table, first=DAY, days=4)
        for offset in range(4):
            insert(DAY + timedelta(days=offset))

        dropped = drop_day_partitions_before(table, DAY + timedelta(days=2))

        assert dropped == ["core_sighting_p20260601", "core_sighting_p20260602"]
        assert count() == 2
        assert drop_day_partitions_before(table, DAY + timedelta(days=2)) == []

    @settings(
        max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(made=st.integers(1, 12), kept_from=st.integers(-3, 15))
    def test_keeps_exactly_the_days_from_the_given_one_on(self, table, made, kept_from):
        drop_day_partitions_before(table, date(9999, 1, 1))
        ensure_day_partitions(table, first=DAY, days=made)

        drop_day_partitions_before(table, DAY + timedelta(days=kept_from))

        kept = range(max(0, kept_from), made)
        expected = [f"core_sighting_p{DAY + timedelta(days=n):%Y%m%d}" for n in kept]
        assert day_partitions(table) == expected


class TestTheApplicationsRole:
    """It owns nothing and has no DDL; the functions lend it this much and no more."""

    def test_it_makes_and_drops_through_the_functions_alone(self, app_role, table):
        ensure = "SELECT core_ensure_day_partitions(%s, %s, 1)"
        with app_role.cursor() as cursor:
            cursor.execute(ensure, [table, DAY])
            assert cursor.fetchall() == [("core_sighting_p20260601",)]
            cursor.execute(
                "SELECT core_drop_day_partitions_before(%s, %s)", [table, date(2027, 1, 1)]
            )
            assert cursor.fetchall() == [("core_sighting_p20260601",)]
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(f"CREATE TABLE {table}_p20260605 PARTITION OF {table} DEFAULT")

    def test_without_the_right_to_delete_it_may_not_drop(self, app_role, table):
        ensure_day_partitions(table, first=DAY, days=1)
        with connection.cursor() as cursor:
            cursor.execute(f"REVOKE DELETE ON {table} FROM {app_role.info.user}")

        with (
            app_role.cursor() as cursor,
            pytest.raises(psycopg2.errors.InsufficientPrivilege, match="no day-partitioned table"),
        ):
            cursor.execute(
                "SELECT core_drop_day_partitions_before(%s, %s)", [table, date(2027, 1, 1)]
            )
        assert len(day_partitions(table)) == 1
