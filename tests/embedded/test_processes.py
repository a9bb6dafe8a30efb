"""One child process: started, stopped, killed, frozen, and never outliving its starter."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from embedded.processes import Child, alive, launch_command, tail
from tests.embedded.helpers import execute, wait_for_text, wait_until

STUBBORN = (
    "import signal, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('up', flush=True)\n"
    "time.sleep(60)\n"
)


def test_its_output_is_appended_to_its_log(tmp_path):
    log = tmp_path / "child.log"
    log.write_text("before\n")

    child = Child("child", ["sh", "-c", "echo out; echo err >&2"], log)
    child.start()

    assert child.wait(10)
    assert log.read_text() == "before\nout\nerr\n"
    assert child.ending == "ended with exit code 0"


def test_one_that_draws_on_the_terminal_leaves_its_errors_in_the_log(program, tmp_path, variables):
    starter = program(
        "import pathlib, sys\n"
        "from embedded.processes import Child\n"
        "command = ['sh', '-c', 'echo shown; echo kept >&2']\n"
        "child = Child('child', command, pathlib.Path(sys.argv[1]), on_terminal=True)\n"
        "child.start()\n"
        "child.wait(10)\n"
    )

    done = execute([*starter, str(tmp_path / "log")], environment=variables)

    assert (done.stdout, done.stderr) == ("shown\n", "")
    assert (tmp_path / "log").read_text() == "kept\n"


def test_it_stops_by_itself_when_asked(tmp_path):
    child = Child("child", ["sleep", "60"], tmp_path / "log")
    child.start()

    assert child.is_running
    assert child.stop(grace=5.0) is True
    assert child.ending == "was ended by SIGTERM"


def test_one_that_will_not_stop_is_made_to(tmp_path, program):
    child = Child("child", program(STUBBORN), tmp_path / "log")
    child.start()
    wait_for_text(tmp_path / "log", "up")

    assert child.stop(grace=0.2) is False
    assert child.ending == "was ended by SIGKILL"


def test_a_frozen_one_stops_too(tmp_path):
    child = Child("child", ["sleep", "60"], tmp_path / "log")
    child.start()
    child.freeze()

    assert child.stop(grace=5.0) is True


def test_killing_takes_its_own_children_with_it(tmp_path):
    child = Child("child", ["sh", "-c", "sleep 60 & echo $!; wait"], tmp_path / "log")
    child.start()
    grandchild = int(wait_for_text(tmp_path / "log", "\n"))

    child.kill()

    assert wait_until(lambda: not alive(grandchild))


@pytest.mark.parametrize("identity", ["keep", f"map:{65534}:{65534}"])
def test_the_kernel_ends_it_with_a_starter_that_is_killed(request, program, variables, identity):
    starter = program(
        "import os, pathlib, signal, sys, time\n"
        "from embedded.processes import Child\n"
        "child = Child('child', ['sleep', '60'], pathlib.Path('/dev/null'), identity=sys.argv[1])\n"
        "child.start()\n"
        "time.sleep(0.5)\n"  # until the launcher has become the program
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    if identity != "keep":
        request.getfixturevalue("can_enter_user_namespace")

    done = execute([*starter, identity], environment=variables)

    assert done.returncode == -signal.SIGKILL
    assert wait_until(lambda: not alive(int(done.stdout)))


def test_a_starter_that_died_before_the_launcher_asked_is_noticed():
    """The launcher is told of a parent that is not its parent any more."""
    command = launch_command(["echo", "alive"])
    command[4] = str(os.getpid() + 1)

    done = execute(command)

    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")


def test_a_program_that_is_not_there_is_one_line():
    done = execute(launch_command(["/nonexistent/program"]))

    assert done.returncode == 126
    assert done.stderr == (
        "cannot start /nonexistent/program: [Errno 2] No such file or directory\n"
    )


@pytest.mark.usefixtures("can_enter_user_namespace")
def test_in_a_namespace_files_stay_the_callers(tmp_path):
    target = tmp_path / "made inside"

    done = execute(
        launch_command(
            ["sh", "-c", f"id -u; touch '{target}'; stat -c %u '{target}'"],
            identity="map:65534:65534",
        )
    )

    assert done.stdout == "65534\n65534\n"
    assert target.stat().st_uid == os.geteuid()


def test_the_end_of_a_log_is_whole_lines(tmp_path):
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(10_000)))

    assert tail(log, lines=2) == "line 9998\nline 9999"
    assert tail(tmp_path / "none") == ""


def test_one_never_started_has_no_pid(tmp_path):
    child = Child("child", [sys.executable], tmp_path / "log")

    assert child.is_running is False
    with pytest.raises(ProcessLookupError, match="child has not been started"):
        _ = child.pid
