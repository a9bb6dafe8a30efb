"""One process of a host loads at a time."""

import subprocess
import sys
import time
from pathlib import Path

from apps.ml_models.runtime import staggering
from tests.factories.parallel import in_parallel

HOLD = """
import fcntl, sys, time
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


def holder(path):
    """A process that holds the lock."""
    child = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"
    return child


class TestTurn:
    def test_waits_for_another_process_and_goes_on_when_that_dies(self, settings, tmp_path):
        settings.STATE_DIR = tmp_path
        child = holder(tmp_path / staggering.LOCK_NAME)
        settings.SERVING_TURN_SECONDS = 0.2
        started = time.monotonic()
        with staggering.turn_of_this_host():
            assert time.monotonic() - started >= 0.2, "it was waited for, and no longer"
        child.kill()
        child.wait()
        settings.SERVING_TURN_SECONDS = 30.0
        started = time.monotonic()
        with staggering.turn_of_this_host():
            assert time.monotonic() - started < 5.0
        child.stdout.close()

    def test_each_holder_has_its_time_however_many_wait(self, settings, tmp_path):
        settings.STATE_DIR = tmp_path
        settings.SERVING_TURN_SECONDS = 0.6
        loading, most = [], []

        def load(number):
            with staggering.turn_of_this_host():
                loading.append(number)
                most.append(len(loading))
                time.sleep(0.3)
                loading.remove(number)

        assert in_parallel(load, count=6) == [None] * 6
        assert most == [1] * 6, "1.8 seconds in all, one after the other"

    def test_a_child_made_meanwhile_does_not_hold_the_lock(self, settings, tmp_path):
        settings.STATE_DIR = tmp_path
        settings.SERVING_TURN_SECONDS = 30.0
        with staggering.turn_of_this_host():
            lock = next(
                int(entry.name)
                for entry in Path("/proc/self/fd").iterdir()
                if entry.is_symlink() and entry.resolve().name == staggering.LOCK_NAME
            )
            child = subprocess.Popen(["/bin/sleep", "60"], pass_fds=[lock])
        started = time.monotonic()
        with staggering.turn_of_this_host():
            assert time.monotonic() - started < 5.0
        child.kill()
        child.wait()

    def test_a_state_directory_that_cannot_be_written_stops_no_load(self, settings, tmp_path):
        settings.STATE_DIR = tmp_path / "missing"
        with staggering.turn_of_this_host():
            pass
