"""`python -m embedded`: exit codes, one clear line for each failure, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from embedded.network import free_port
from embedded.processes import alive
from tests.embedded.helpers import execute, number_after, wait_for_text, wait_until

EMBEDDED = [sys.executable, "-m", "embedded"]

SHOW = (
    "import os, psycopg2, redis\n"
    "print('PID', os.getpid())\n"
    "with redis.Redis.from_url(os.environ['REDIS_URL']) as client: client.ping()\n"
    "connection = psycopg2.connect(os.environ['DATABASE_URL'])\n"
    "cursor = connection.cursor()\n"
    "cursor.execute('SELECT current_user, current_database(), rolcreatedb'\n"
    "               ' FROM pg_roles WHERE rolname = current_user')\n"
    "print('ROW', cursor.fetchone())\n"
    "connection.close()\n"
    "print('STATE', os.environ['STATE_DIR'], len(open(os.environ['JWT_KEYS_FILE']).read()))\n"
    "raise SystemExit(3)\n"
)


def test_a_command_gets_services_of_its_own_and_its_exit_code_is_ours(variables, program):
    done = execute([*EMBEDDED, "services", "--", *program(SHOW)], environment=variables)

    assert done.returncode == 3, done.stderr
    assert "ROW ('agora_owner', 'agora', True)" in done.stdout
    folder, length = done.stdout.partition("STATE ")[2].split()[:2]
    assert int(length) == 65
    assert not os.path.exists(folder)  # noqa: PTH110 - a name, not our path


def test_a_command_that_a_signal_ended_has_the_shells_exit_code(variables):
    done = execute([*EMBEDDED, "services", "--", "sh", "-c", "kill -9 $$"], environment=variables)
    assert done.returncode == 128 + 9


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_it_is_told_to_stop_or_killed(variables, tmp_path, number):
    output = tmp_path / "output"
    text = "echo pid is $$; cat $STATE_DIR/postgres/data/postmaster.pid; exec sleep 60"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*EMBEDDED, "services", "--", "sh", "-c", text],
            env={**variables, "TMPDIR": str(tmp_path)},  # killed, it cannot clear its folder away
            stdout=file,
        )
    pid = number_after(wait_for_text(output, "pid is "), "pid is ")
    postmaster = int(wait_for_text(output, "/data").rpartition("pid is ")[2].split()[1])

    process.send_signal(number)
    process.wait(timeout=30)

    assert wait_until(lambda: not alive(pid) and not alive(postmaster))


@pytest.mark.parametrize("arguments", [[], ["walk"], ["services"], ["run", "fast"]])
def test_wrong_usage_is_explained(variables, arguments):
    done = execute([*EMBEDDED, *arguments], environment=variables)

    assert done.returncode == 2
    assert done.stderr.startswith("usage: python -m embedded run")


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ({"PORT": "many"}, "agora: PORT must be a whole number from 1 to 65535, not 'many'.\n"),
        ({"HOST": "192.0.2.1"}, "agora: HOST '192.0.2.1' is no address of this machine.\n"),
        ({"STATE_DIR": "/proc/state"}, "agora: STATE_DIR /proc/state cannot be used: "),
        ({"DATABASE_URL": "sqlite:///x"}, "agora: DATABASE_URL must be a URL like postgresql://"),
    ],
)
def test_a_start_that_cannot_be_is_one_clear_line(variables, tmp_path, setting, line):
    given = {"STATE_DIR": str(tmp_path / "state"), "PORT": str(free_port()), **setting}

    done = execute([*EMBEDDED, "run"], environment={**variables, **given})

    assert done.returncode == 1
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1


def test_an_unreachable_database_stops_the_start_in_one_line(variables, tmp_path):
    port = free_port()
    given = {
        "STATE_DIR": str(tmp_path / "state"),
        "PORT": str(free_port()),
        "DATABASE_URL": f"postgresql://me:hidden@127.0.0.1:{port}/agora",
    }

    done = execute([*EMBEDDED, "run"], environment={**variables, **given})

    assert done.returncode == 1
    assert done.stderr.startswith(f"agora: DATABASE_URL (127.0.0.1:{port}/agora) cannot be reached")
    assert "hidden" not in done.stdout + done.stderr
