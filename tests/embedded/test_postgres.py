"""Our own PostgreSQL: roles, durability of a crash, paths, identities."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import errors

from embedded.errors import StartFailedError, StateDirectoryError
from embedded.postgres import Postgres
from embedded.processes import alive, launch_command, processes_in
from embedded.state import StateDirectory
from tests.embedded.helpers import execute, wait_until


@contextmanager
def cursor_at(url):
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def test_the_owner_makes_tables_and_the_application_uses_their_rows(postgres):
    with cursor_at(postgres.owner_url()) as cursor:
        cursor.execute("CREATE TABLE note (id bigserial PRIMARY KEY, body text)")

    with cursor_at(postgres.app_url()) as cursor:
        cursor.execute("INSERT INTO note (body) VALUES ('kept') RETURNING id")
        assert cursor.fetchone() == (1,)
        cursor.execute("UPDATE note SET body = 'changed'")
        cursor.execute("SELECT body FROM note")
        assert cursor.fetchone() == ("changed",)
        cursor.execute("DELETE FROM note")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE other (id int)",
        "CREATE TEMPORARY TABLE other (id int)",
        "DROP TABLE note",
        "ALTER TABLE note ADD COLUMN extra int",
        "TRUNCATE note",
        "CREATE DATABASE other",
        "CREATE ROLE other",
        "CREATE SCHEMA other",
    ],
)
def test_the_application_has_no_ddl(postgres_with_note, statement):
    with (
        cursor_at(postgres_with_note.app_url()) as cursor,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        cursor.execute(statement)


@pytest.fixture(scope="module")
def postgres_with_note(tmp_path_factory):
    state = StateDirectory(tmp_path_factory.mktemp("roles") / "state")
    state.open()
    server = Postgres(state, durable=False)
    server.start()
    with cursor_at(server.owner_url()) as cursor:
        cursor.execute("CREATE TABLE note (id bigserial PRIMARY KEY, body text)")
    yield server
    server.stop(grace=5.0)


def test_only_the_owner_of_a_test_cluster_makes_databases(postgres_with_note):
    with (
        cursor_at(postgres_with_note.owner_url()) as cursor,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        cursor.execute("CREATE DATABASE other")


def test_a_database_made_later_has_the_same_grants(postgres):
    with cursor_at(postgres.owner_url()) as cursor:
        cursor.execute("CREATE DATABASE later")

    with cursor_at(postgres.owner_url("later")) as cursor:
        cursor.execute("CREATE TABLE note (body text)")
    with cursor_at(postgres.app_url("later")) as cursor:
        cursor.execute("INSERT INTO note VALUES ('x')")


def test_a_wrong_password_is_refused_with_scram(postgres):
    url = postgres.app_url().replace(postgres.state.secret("postgres_app"), "guess")

    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(url)

    with closing(postgres.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolcanlogin")
        assert {row[0].partition("$")[0] for row in cursor.fetchall()} == {"SCRAM-SHA-256"}


def test_it_listens_on_loopback_alone_and_checks_its_pages(postgres):
    with closing(postgres.connect()) as connection, connection.cursor() as cursor:
        found = {}
        for name in (
            "listen_addresses",
            "unix_socket_directories",
            "data_checksums",
            "server_encoding",
        ):
            cursor.execute(f"SHOW {name}")
            found[name] = cursor.fetchone()[0]
    assert found == {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "data_checksums": "on",
        "server_encoding": "UTF8",
    }


def test_case_rules_and_order_do_not_depend_on_the_machine(postgres):
    with closing(postgres.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT lower('ÅNGSTRÖM'), 'a' < 'B'")
        assert cursor.fetchone() == ("ångström", False)


def test_passwords_are_files_that_only_their_owner_reads(postgres):
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in postgres.state.secrets.iterdir()
    }
    assert modes == {
        "postgres_superuser": 0o600,
        "postgres_owner": 0o600,
        "postgres_app": 0o600,
    }
    assert stat.S_IMODE(postgres.state.secrets.stat().st_mode) == 0o700


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_data_port_and_passwords_outlive_a_stop_and_a_crash(state, end):
    first = Postgres(state)
    first.start()
    url = first.app_url()
    with cursor_at(first.owner_url()) as cursor:
        cursor.execute("CREATE TABLE note (body text)")
        cursor.execute("INSERT INTO note VALUES ('kept')")
    getattr(first, end)()

    second = Postgres(state)
    second.start()

    try:
        assert second.app_url() == url
        with cursor_at(url) as cursor:
            cursor.execute("SELECT body FROM note")
            assert cursor.fetchall() == [("kept",)]
    finally:
        second.stop()


def test_no_process_is_left_by_a_stop_or_a_crash(postgres):
    pids = processes_in(postgres.data, "postgres")
    assert len(pids) > 1

    postgres.kill()
    assert wait_until(lambda: not any(alive(pid) for pid in pids))
    postgres.restart()
    assert postgres.stop()

    assert processes_in(postgres.data, "postgres") == []


def test_a_lock_file_that_names_a_living_stranger_is_no_obstacle(postgres):
    postgres.kill()
    lock = postgres.data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    # After a restart of the machine, any process may have the noted number.
    lock.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")

    postgres.restart()

    assert postgres.child.is_running


def test_a_server_left_by_a_killed_run_is_ended_before_the_next_start(state, program, variables):
    starter = program(
        "import os, sys, pathlib, signal\n"
        "from embedded.state import StateDirectory\n"
        "from embedded.postgres import Postgres\n"
        "server = Postgres(StateDirectory(pathlib.Path(sys.argv[1])), durable=False)\n"
        "server.start()\n"
        "server.freeze()\n"  # so that the kernel's death signal is not obeyed
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    execute([*starter, str(state.root)], environment=variables)
    left = processes_in(state.postgres / "data", "postgres")
    assert left

    server = Postgres(state, durable=False)
    server.start()

    try:
        assert not any(alive(pid) for pid in left)
    finally:
        server.stop()


def test_a_frozen_server_answers_again_when_thawed(postgres):
    url = postgres.app_url()
    with cursor_at(url) as cursor:
        postgres.freeze()
        with pytest.raises(psycopg2.OperationalError, match="timeout"):
            psycopg2.connect(url, connect_timeout=2)
        postgres.thaw()
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_a_half_made_cluster_is_made_again(state):
    draft = state.postgres / "data.new"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18\n")

    server = Postgres(state, durable=False)
    server.start()
    server.stop()

    assert not draft.exists()


def test_a_start_that_fails_says_why_with_the_end_of_the_log(state):
    server = Postgres(state, durable=False)
    server.start()
    server.stop()
    (server.data / "postgresql.auto.conf").write_text("shared_buffers = 'many'\n")

    with pytest.raises(StartFailedError, match="PostgreSQL ended with exit code 1") as caught:
        Postgres(state, durable=False).start()

    assert 'parameter "shared_buffers"' in caught.value.log


def test_data_without_their_password_are_one_clear_line(state):
    server = Postgres(state, durable=False)
    server.start()
    server.stop()
    (state.secrets / "postgres_superuser").unlink()

    with pytest.raises(StateDirectoryError, match="cannot be opened: its password"):
        Postgres(state, durable=False).start()


def test_data_with_another_password_are_refused_at_once(state):
    server = Postgres(state, durable=False)
    server.start()
    server.stop()
    (state.secrets / "postgres_superuser").write_text("another\n")
    second = Postgres(state, durable=False)

    with pytest.raises(StartFailedError, match="refuses the password under secrets/"):
        second.start()

    second.stop(grace=5.0)


START_AND_STOP = (
    "import os, sys, pathlib\n"
    "from embedded.state import StateDirectory\n"
    "from embedded.postgres import Postgres\n"
    "state = StateDirectory(pathlib.Path(sys.argv[1]))\n"
    "state.open()\n"
    "server = Postgres(state, durable=False)\n"
    "server.start()\n"
    "connection = server.connect()\n"
    "print(os.geteuid(), server.identity)\n"
    "connection.close()\n"
    "sys.exit(0 if server.stop() else 1)\n"
)


@pytest.mark.usefixtures("can_enter_user_namespace")
@pytest.mark.parametrize(("uid", "identity"), [(65534, "keep"), (0, "map:")])
def test_it_runs_for_an_ordinary_user_and_for_root(tmp_path, program, variables, uid, identity):
    """Whoever runs this test becomes each of the two, in a user namespace."""
    command = [*program(START_AND_STOP), str(tmp_path / "a state")]

    done = execute(launch_command(command, identity=f"map:{uid}:{uid}"), environment=variables)

    assert (done.returncode, done.stderr) == (0, "")
    found_uid, found_identity = done.stdout.split()
    assert int(found_uid) == uid
    assert found_identity.startswith(identity)


FULL_NAMESPACE = (
    "import ctypes, os, pathlib, sys\n"
    # A namespace in which every account exists but no further namespace may be made.
    "reading, writing = os.pipe()\n"
    "child = os.fork()\n"
    "if child == 0:\n"
    "    ctypes.CDLL(None).unshare(0x10000000)\n"
    "    os.write(writing, b'x')\n"
    "    os.read(int(sys.argv[1]), 1)\n"
    "    pathlib.Path('/proc/sys/user/max_user_namespaces').write_text('0')\n"
    "    os.execv(sys.executable, [sys.executable, *sys.argv[3:]])\n"
    "os.read(reading, 1)\n"
    "for name in ('uid_map', 'gid_map'):\n"
    "    pathlib.Path(f'/proc/{child}/{name}').write_text('0 0 65536')\n"
    "os.write(int(sys.argv[2]), b'x')\n"
    "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_root_becomes_another_account_where_namespaces_are_forbidden(program, variables):
    """The data must lie where that account may go, and /tmp's folders of this run are closed."""
    reading, writing = os.pipe()
    outer = program(FULL_NAMESPACE, "outer.py")
    inner = program(START_AND_STOP, "inner.py")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        done = execute(
            [*outer, str(reading), str(writing), inner[1], f"{folder}/state"],
            environment=variables,
            pass_fds=(reading, writing),
        )
    os.close(reading)
    os.close(writing)

    if "NoIdentityError" in done.stderr:
        pytest.skip("this checkout cannot be entered by another account")
    assert (done.returncode, done.stderr) == (0, "")
    uid, identity = done.stdout.split()
    assert uid == "0"
    assert identity.startswith("set:")


@pytest.mark.usefixtures("can_enter_user_namespace")
def test_root_without_any_other_identity_gets_one_clear_line(tmp_path, program, variables):
    """In a user namespace of one account where no further ones may be made."""
    command = program(
        "import pathlib\n"
        "pathlib.Path('/proc/sys/user/max_user_namespaces').write_text('0')\n"
        "import sys\n"
        "from embedded.errors import NoIdentityError\n"
        f"source = {START_AND_STOP!r}\n"
        "try:\n"
        "    exec(source)\n"
        "except NoIdentityError as error:\n"
        "    print(error.code, error.detail)\n"
    )

    done = execute(
        launch_command([*command, str(tmp_path / "state")], identity="map:0:0"),
        environment=variables,
    )

    if "Permission denied" in done.stderr or "Read-only" in done.stderr:
        pytest.skip("the limit on user namespaces cannot be lowered here")
    assert done.stderr == ""
    assert done.stdout.startswith("no_identity PostgreSQL does not run as root")
    assert done.stdout.count("\n") == 1
