"""`make run` as its users meet it: proof, curl lines, restarts, orderly end; on real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from embedded.network import free_port
from embedded.processes import alive
from tests.embedded.helpers import execute, wait_for_text, wait_until
from tests.harness.client import Client
from tests.harness.cluster import Platform, copy_state

pytestmark = pytest.mark.processes

UP = "Ctrl-C stops everything."
COUNT = "from apps.ml_models.models import BatchPrediction as B; print(B.objects.count())"
PUBLIC = "from django.conf import settings as s; print(s.PUBLIC_URL, s.ALLOW_LOOPBACK_TARGETS)"
START_SECONDS = 150.0  # a second start takes ten on an idle machine


class Running:
    """`python -m embedded run` on a copy of the prepared state, with its terminal in a file."""

    def __init__(self, state, output, variables, **more):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.state = state
        self.output = output
        self.variables = {
            **variables,
            "STATE_DIR": str(state),
            "PORT": str(self.port),
            "WEB_WORKERS": "1",
            "WORKER_CONCURRENCY": "1",
            **more,
        }
        with output.open("wb") as terminal:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "embedded", "run"],
                env=self.variables,
                stdout=terminal,
                stderr=terminal,
                start_new_session=True,
            )

    def wait_up(self):
        def is_decided():
            return UP in self.output.read_text() or self.process.poll() is not None

        assert wait_until(is_decided, seconds=START_SECONDS), self.output.read_text()
        assert self.process.poll() is None, self.output.read_text()
        return self.output.read_text()

    def wait_for(self, text, count=1):
        return wait_for_text(self.output, text, count=count, seconds=60.0)

    def pids(self, words):
        """Of this platform's processes whose command line holds some words."""
        found = []
        for pid in pids_below(self.process.pid):
            line = command_line(pid)
            if words in line:
                found.append(pid)
        return found

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()


def pids_below(pid):
    """A process and all that it started, whatever session they are in."""
    children = execute(["ps", "-e", "-o", "pid=,ppid="]).stdout.split()
    parents = dict(zip(map(int, children[::2]), map(int, children[1::2]), strict=True))
    below, grown = {pid}, True
    while grown:
        more = {child for child, parent in parents.items() if parent in below} - below
        below |= more
        grown = bool(more)
    return sorted(below)


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as file:  # noqa: PTH123 - a line a process
            return file.read().replace("\0", " ")
    except OSError:
        return ""


@pytest.fixture
def running(prepared_state, tmp_path, variables):
    state = tmp_path / "a state"
    copy_state(prepared_state, state)
    platform = Running(state, tmp_path / "terminal", variables)
    yield platform
    platform.end()


def test_it_proves_itself_restarts_what_dies_and_leaves_nothing(running):
    text = running.wait_up()

    # The proof, in the banner.
    assert '"prediction":' in text
    results = [json.loads(line) for line in text.splitlines() if line.startswith('  {"row":')]
    assert [result["row"] for result in results] == [0, 1, 2]
    assert f"API docs    {running.url}/api/docs" in text

    # The lines that it prints work as they are.
    lines = [line for line in text.splitlines() if line.startswith(("TOKEN=", "curl "))]
    assert len(lines) == 3
    answers = execute(["sh", "-c", "\n".join(lines)]).stdout.splitlines()
    assert set(json.loads(answers[0])) == {"prediction", "model", "prediction_id"}
    assert json.loads(answers[1])["status"] == "queued"

    # A command in a second terminal finds the same database.
    done = execute(
        [sys.executable, "manage.py", "shell", "-v0", "-c", COUNT],
        environment={**without(running.variables, "PORT"), "STATE_DIR": str(running.state)},
    )
    assert int(done.stdout) >= 2, done.stderr

    # So does it find where mails must lead, and that a developer's own programs may be led to.
    done = execute(
        [sys.executable, "manage.py", "shell", "-v0", "-c", PUBLIC],
        environment={**without(running.variables, "PORT"), "STATE_DIR": str(running.state)},
    )
    assert done.stdout == f"{running.url} True\n", done.stderr

    # A second start on the same state, and one on the same port, are refused in one line.
    second = execute([sys.executable, "-m", "embedded", "run"], environment=running.variables)
    assert second.returncode == 1
    assert second.stderr.startswith(f"agora: STATE_DIR {running.state} is in use by process ")
    other = {**running.variables, "STATE_DIR": str(running.state.with_name("other"))}
    third = execute([sys.executable, "-m", "embedded", "run"], environment=other)
    assert third.stderr.startswith(f"agora: Port {running.port} on 127.0.0.1 is taken by another")

    # What is killed comes back, and the platform with it.
    for name, words in (("web", " granian "), ("worker", " celery "), ("postgres", "/postgres -D")):
        os.kill(running.pids(words)[0], signal.SIGKILL)
        running.wait_for(f"! {name} was ended by SIGKILL; restarting it in 0.5 s")
    assert wait_until(lambda: Client(running.url).get("/readyz").status == 200, seconds=60.0), (
        running.output.read_text()
    )

    # And it ends in order, with nothing left.
    pids = pids_below(running.process.pid)
    assert len(pids) > 10
    running.process.terminate()
    assert running.process.wait(timeout=90) == 0
    text = running.output.read_text()
    names = ("web", "beat", "relay", "worker", "webhooks", "redis", "postgres")
    ends = [text.rindex(f"\n  {name} stopped (") for name in names]
    assert ends == sorted(ends)
    assert text.endswith("Stopped.\n")
    assert [command_line(pid) for pid in pids if alive(pid)] == []


def without(variables, *names):
    return {name: value for name, value in variables.items() if name not in names}


def test_nothing_survives_when_it_is_killed_and_all_data_is_there_afterwards(
    running, tmp_path, variables
):
    running.wait_up()
    pids = pids_below(running.process.pid)

    running.process.kill()

    assert wait_until(lambda: not any(alive(pid) for pid in pids), seconds=20.0), [
        command_line(pid) for pid in pids if alive(pid)
    ]
    with Platform(running.state) as again:
        assert again.sql("SELECT count(*) FROM ml_models_batchprediction")[0][0] >= 1


@pytest.fixture
def others(prepared_state, tmp_path):
    """PostgreSQL and Redis that somebody else runs."""
    copy_state(prepared_state, tmp_path / "theirs")
    with Platform(tmp_path / "theirs") as servers:
        yield servers


def test_with_urls_it_uses_those_and_starts_none_of_its_own(others, tmp_path, variables):
    platform = Running(
        others.state.root.with_name("ours"),
        tmp_path / "terminal",
        variables,
        DATABASE_URL=others.postgres.app_url(),
        DATABASE_OWNER_URL=others.postgres.owner_url(),
        REDIS_URL=others.redis.url(),
        ARTEFACTS_DIR=str(others.state.artefacts),
    )
    try:
        text = platform.wait_up()
        assert "PostgreSQL: yours, version 1" in text
        assert "Redis: yours, version " in text
        assert platform.pids("/postgres -D") == platform.pids("redis-server") == []
    finally:
        platform.end()
    assert others.sql("SELECT count(*) FROM ml_models_batchprediction")[0][0] >= 1


def test_an_open_host_is_refused_while_the_demo_passwords_stand(
    prepared_state, tmp_path, variables
):
    copy_state(prepared_state, tmp_path / "state")
    everywhere = "0.0.0.0"  # noqa: S104 - refused before anything listens

    platform = Running(tmp_path / "state", tmp_path / "terminal", variables, HOST=everywhere)

    assert platform.process.wait(timeout=90) == 1
    text = platform.output.read_text()
    assert text.splitlines()[-1].startswith(
        "agora: HOST=0.0.0.0 can be reached from outside while demo accounts have their published"
    )
    assert "postgres stopped" in text


def test_a_stop_in_the_middle_of_a_start_is_orderly_too(prepared_state, tmp_path, variables):
    copy_state(prepared_state, tmp_path / "state")
    platform = Running(tmp_path / "state", tmp_path / "terminal", variables)
    platform.wait_for("> Demo world")
    pids = pids_below(platform.process.pid)

    platform.process.send_signal(signal.SIGINT)
    begun = time.monotonic()

    assert platform.process.wait(timeout=30) == 0
    assert time.monotonic() - begun < 15
    assert platform.output.read_text().endswith("Stopped.\n")
    assert not any(alive(pid) for pid in pids)
