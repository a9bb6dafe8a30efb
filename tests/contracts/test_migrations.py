"""Migrations are in step with the models, linear, and fit the code of the last release.

`make release-schema` records today's migrations as released. While nothing is newer than that, the
code that runs is the code that migrates, and there is nothing to refuse.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from time import monotonic

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from config.settings.parts.database import MIGRATE_LOCK_TIMEOUT
from tests.contracts.migration_faults import faults_of
from tests.contracts.released_rows import columns_of, has_row, refusals
from tests.contracts.world import EMPTY, populate

RELEASED = Path(__file__).parent / "released_migrations.json"
ROOT = Path(settings.BASE_DIR).resolve()
OURS = sorted(
    config.label
    for config in apps.get_app_configs()
    if Path(config.path).resolve().is_relative_to(ROOT)
    and not {".venv", "site-packages"} & set(Path(config.path).parts)
    and (Path(config.path) / "migrations").is_dir()
)

# Operations that the running code can live with although a rule says no -> why it can.
EXCUSED: dict[str, str] = {}

MISSING = """
There is no {path}, so nobody knows which migrations were released. `make release-schema` records
those of today; commit what it writes.
"""
UNFIT = """
These operations do not fit the code of the last release, which runs while and after they do:

{faults}

What is safe all the same is excused in EXCUSED of tests/contracts/test_migrations.py, with why.
"""


@pytest.fixture(scope="module")
def loader():
    return MigrationLoader(None, ignore_no_migrations=True)


@pytest.fixture(scope="module")
def released(loader):
    """By app, the names of the released migrations."""
    if os.environ.get("RECORD_RELEASE"):
        names = {
            label: sorted(name for app, name in loader.disk_migrations if app == label)
            for label in OURS
        }
        RELEASED.write_text(json.dumps(names, indent=1, sort_keys=True) + "\n")
    assert RELEASED.exists(), MISSING.format(path=RELEASED.name)
    return json.loads(RELEASED.read_text())


def state_at(loader, names):
    """What the code knows that has these migrations of ours, and the others' of today."""
    nodes = [(label, name) for label, listed in names.items() for name in listed]
    others = [node for node in loader.graph.leaf_nodes() if node[0] not in OURS]
    return loader.project_state([*others, *nodes])


def newer(loader, names):
    """Migrations of ours that are not released, in the order in which they run."""
    plan = []
    for node in loader.graph.leaf_nodes():
        plan += [step for step in loader.graph.forwards_plan(node) if step not in plan]
    return [
        loader.graph.nodes[label, name]
        for label, name in plan
        if label in OURS and name not in names.get(label, [])
    ]


def faults(loader, names):
    """What in the newer migrations does not fit the code with these."""
    known, state = state_at(loader, names), state_at(loader, names)
    found = []
    for migration in newer(loader, names):
        found += faults_of(migration, released=known, before=state)
        state = migration.mutate_state(state, preserve=False)
    return found


class TestMigrations:
    @pytest.mark.django_db
    def test_no_model_change_is_without_its_migration(self):
        call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())

    @pytest.mark.parametrize("label", OURS)
    def test_each_app_has_one_last_migration_and_names_it(self, label, loader):
        leaves = [name for app, name in loader.graph.leaf_nodes(label)]
        named = (
            Path(apps.get_app_config(label).path) / "migrations" / "max_migration.txt"
        ).read_text()

        assert leaves == [named.strip()]

    def test_are_of_every_app_of_ours(self):
        folders = [*ROOT.glob("apps/*/migrations"), *ROOT.glob("platform/*/migrations")]

        assert sorted(folder.parent.name for folder in folders) == OURS


class TestFitTheRunningCode:
    def test_released_ones_are_still_there(self, loader, released):
        gone = [
            (label, name)
            for label, names in released.items()
            for name in names
            if (label, name) not in loader.disk_migrations
        ]

        assert gone == [], "what has run somewhere is neither renamed nor taken away"

    def test_newer_ones_do_nothing_that_it_cannot_live_with(self, loader, released):
        found = [fault for fault in faults(loader, released) if fault.place not in EXCUSED]

        assert not found, UNFIT.format(faults="\n".join(map(str, found)))

    def test_each_excuse_is_still_needed_and_says_why(self, loader, released):
        places = {fault.place for fault in faults(loader, released)}

        assert EXCUSED.keys() - places == set()
        assert all(EXCUSED.values())

    def test_faults_are_found_in_those_of_this_project(self, loader):
        """Against a release that knows the first migrations alone."""
        first = {label: ["0001_initial"] for label in OURS}

        places = {fault.place for fault in faults(loader, first)}

        assert "accounts.0002_sessions_ended_at: Add field sessions_ended_at to user" not in places
        assert any(place.startswith("developers.0002_default_plan: ") for place in places)


# A column that must have a value and has no default, in a table with rows.
MUST = """
    ALTER TABLE accounts_user ADD COLUMN must integer NOT NULL DEFAULT 0;
    ALTER TABLE accounts_user ALTER COLUMN must DROP DEFAULT
"""


@pytest.fixture
def world(cast):
    """A row in every table."""
    populate(cast)
    return cast


@pytest.mark.django_db
class TestOldInserts:
    """The code of the last release writes into the schema of today."""

    def test_are_taken(self, loader, released, world):
        columns = columns_of(state_at(loader, released), OURS)

        assert refusals(columns) == {}

    def test_are_tried_in_every_table(self, loader, world):
        columns = columns_of(loader.project_state(), OURS)

        empty = sorted(table for table in columns if not has_row(table))

        assert not empty, EMPTY.format(tables=", ".join(empty))

    def test_of_a_release_that_knew_the_first_migrations_alone_are_taken(self, loader, world):
        """What has changed since then fits: new columns can be left out."""
        columns = columns_of(state_at(loader, {label: ["0001_initial"] for label in OURS}), OURS)

        assert refusals(columns) == {}

    def test_of_code_without_a_new_column_are_taken_if_it_may_be_left_out(self, world):
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE accounts_user ADD COLUMN may_wait integer")
            cursor.execute("ALTER TABLE accounts_user ADD COLUMN starts integer DEFAULT 0 NOT NULL")

        assert refusals(today(["accounts_user"])) == {}

    @pytest.mark.parametrize(
        ("change", "table", "why"),
        [
            (
                MUST,
                "accounts_user",
                'null value in column "must"',
            ),
            (
                "ALTER TABLE developers_apikey ADD CONSTRAINT no_new_keys CHECK (false) NOT VALID",
                "developers_apikey",
                'violates check constraint "no_new_keys"',
            ),
            (
                "ALTER TABLE ml_models_modelalias DROP COLUMN alias",
                "ml_models_modelalias",
                'column "alias"',
            ),
            (
                "ALTER TABLE core_outboxevent RENAME TO core_event",
                "core_outboxevent",
                "there is no such table",
            ),
        ],
    )
    def test_are_refused_by_a_schema_that_does_not_fit(self, world, change, table, why):
        columns = today([table])
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(change)

        assert why in refusals(columns)[table]


@pytest.fixture
def on_test_database():
    """`on_test_database(*arguments)`: Python as the owner of the test database starts it."""
    where = connection.settings_dict
    url = (
        f"postgresql://{where['USER']}:{where['PASSWORD']}@{where['HOST']}:{where['PORT']}"
        f"/{where['NAME']}"
    )
    environment = {**os.environ, "DATABASE_URL": url, "DATABASE_OWNER_URL": url}

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


SHOW_TIMEOUTS = """
import sys
import django

sys.argv = ["manage.py", "migrate"]
django.setup()

from django.db import connection

with connection.cursor() as cursor:
    cursor.execute("SELECT current_setting('lock_timeout'), current_setting('statement_timeout')")
    print(*cursor.fetchone())
"""


@pytest.mark.django_db
class TestTimeouts:
    def test_of_migrate_are_its_own(self, on_test_database):
        done = on_test_database("-c", SHOW_TIMEOUTS)

        assert done.stdout.split() == ["4s", "1min"], done.stderr

    def test_a_migration_gives_way_to_whoever_holds_the_table(self, on_test_database):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("LOCK TABLE django_migrations IN ACCESS EXCLUSIVE MODE")
            began = monotonic()
            done = on_test_database("manage.py", "migrate", "--no-input")
            took = monotonic() - began
            cursor.execute("SELECT count(*) > 0 FROM django_migrations")
            assert cursor.fetchone() == (True,)

        assert done.returncode != 0
        assert "lock timeout" in done.stderr
        assert took >= MIGRATE_LOCK_TIMEOUT / 1000


def today(tables):
    """The columns that the code of today names."""
    columns = columns_of(MigrationLoader(None, ignore_no_migrations=True).project_state(), OURS)
    return {table: columns[table] for table in tables}
