"""Children run together: restarted, given up, stopped in order, swept up; with real processes."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import time

import pytest

from embedded.processes import alive
from embedded.restarts import Restarts
from tests.embedded.helpers import number_after, wait_for_text, wait_until

# Starts three children, prints their numbers, watches. Arguments: folder, shell command of "a".
SUPERVISE = """
import os, pathlib, sys
from embedded.console import Console
from embedded.errors import EmbeddedError
from embedded.processes import Child
from embedded.restarts import Restarts
from embedded.supervisor import Supervisor

folder, text = pathlib.Path(sys.argv[1]), sys.argv[2]

def child(name, text):
    return Child(
        name, ["sh", "-c", text], folder / f"{name}.log", grace=20.0,
        environment=supervisor.environment(os.environ, process=name),
    )

try:
    with Supervisor(
        Console(),
        stop_order=("a", "b", "postgres"),
        new_restarts=lambda: Restarts(limit=2),
    ) as supervisor:
        for name in ("postgres", "b"):
            supervisor.start(child(name, f"echo {name} is $$; exec sleep 60"))
        supervisor.start(child("a", text))
        supervisor.watch()
except EmbeddedError as error:
    print("REASON", error.code, error.detail, "LOG", error.log, flush=True)
    sys.exit(1)
"""


@pytest.fixture
def supervise(tmp_path, program, variables):
    """Starts a supervisor; gives its process and a function that waits for text it prints."""
    processes = []

    def start(text):
        output = tmp_path / "terminal"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*program(SUPERVISE), str(tmp_path), text], env=variables, stdout=file
            )
        processes.append(process)

        return process, functools.partial(wait_for_text, output)

    yield start
    for process in processes:
        process.kill()
        process.wait()


def all_pids(wait_for):
    """Of the three children, and of the stray that "a" sent off."""
    words = ("a is ", "b is ", "postgres is ", "stray ")
    return [number_after(wait_for(each), each) for each in words]


def test_lines_of_the_children_carry_their_names(supervise):
    _, wait_for = supervise("echo hello; exec sleep 60")

    text = wait_for("hello")

    assert "a        | hello\n" in text
    assert "postgres | postgres is " in wait_for("postgres is ")


def test_a_killed_child_is_restarted(supervise):
    _, wait_for = supervise("echo a is $$; exec sleep 60")
    first = number_after(wait_for("a is "), "a is ")

    os.kill(first, signal.SIGKILL)

    text = wait_for("a is ", count=2)
    assert "! a was ended by SIGKILL; restarting it in 0.5 s (1 of 2 within 60 s)" in text
    assert number_after(text, "a is ") != first


def test_what_a_killed_child_left_in_its_group_goes_before_it_is_restarted(supervise):
    _, wait_for = supervise("sleep 60 & echo grandchild $!; echo a is $$; wait")
    text = wait_for("a is ")
    first, grandchild = number_after(text, "a is "), number_after(text, "grandchild ")

    os.kill(first, signal.SIGKILL)

    wait_for("a is ", count=2)
    assert not alive(grandchild)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_is_orderly_and_leaves_nothing(supervise, number):
    process, wait_for = supervise("setsid sleep 60 & echo stray $!; echo a is $$; exec sleep 60")
    pids = all_pids(wait_for)

    process.send_signal(number)

    assert process.wait(timeout=20) == 0
    assert not any(alive(pid) for pid in pids)
    stopped = [
        line.split()[0]
        for line in wait_for("postgres stopped").splitlines()
        if " stopped (" in line
    ]
    assert stopped == ["a", "b", "postgres"]


def test_a_second_ctrl_c_does_not_wait_for_the_grace(supervise):
    process, wait_for = supervise("trap '' TERM; echo a is $$; while true; do sleep 1; done")
    wait_for("a is ")

    process.send_signal(signal.SIGINT)
    wait_for("Stopping")
    time.sleep(0.6)  # a signal at once would be taken for an echo of the first
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=15) == 0
    assert time.monotonic() - begun < 10  # the grace is 20 s
    assert "a killed (" in wait_for("a killed")


def test_a_child_that_keeps_dying_stops_everything_with_the_reason(supervise):
    process, wait_for = supervise("echo no luck; exit 7")
    pid = number_after(wait_for("postgres is "), "postgres is ")

    assert process.wait(timeout=60) == 1

    text = wait_for("REASON")
    assert (
        "REASON child_gave_up a ended with exit code 7; it was restarted 2 times within 60 s,"
        " so everything is stopped. LOG no luck"
    ) in text
    assert text.count("! a ended with exit code 7; restarting it") == 2
    assert not alive(pid)


def test_a_full_disk_is_named_as_the_reason(supervise):
    process, wait_for = supervise("echo could not write: No space left on device; exit 1")

    assert process.wait(timeout=60) == 1

    assert "so everything is stopped. The disk is full. LOG" in wait_for("REASON")


def test_nothing_survives_a_killed_supervisor(supervise):
    """Neither one that ignores the kernel's signal nor one that left its group."""
    process, wait_for = supervise(
        "trap '' TERM; setsid sleep 60 & echo stray $!; echo a is $$; while true; do sleep 1; done"
    )
    pids = all_pids(wait_for)
    assert all(alive(pid) for pid in pids)

    process.kill()

    assert wait_until(lambda: not any(alive(pid) for pid in pids))


class TestRestarts:
    def test_delays_double_and_have_a_ceiling(self):
        restarts = Restarts()
        assert [restarts.next_delay(now=0.0) for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 8.0, None]

    def test_old_restarts_are_forgotten(self):
        restarts = Restarts(limit=2, window=60.0)
        assert restarts.next_delay(now=0.0) == 0.5
        assert restarts.next_delay(now=30.0) == 1.0
        assert restarts.next_delay(now=59.0) is None
        assert restarts.next_delay(now=61.0) == 1.0
