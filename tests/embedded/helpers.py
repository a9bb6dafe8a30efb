"""What several of these tests do: run a command to its end, wait for something to become so."""

from __future__ import annotations

import subprocess
import time

COMMAND_TIMEOUT = 60  # seconds


def execute(command, *, environment=None, timeout=COMMAND_TIMEOUT, **more):
    """Run an argument list; gives its exit code, stdout and stderr."""
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **more,
    )


def wait_until(is_so, *, seconds=15.0):
    """Whether it became so within that time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def wait_for_text(path, text, *, count=1, seconds=20.0):
    """A file's content once it holds a text that often."""

    def holds():
        return path.exists() and path.read_text().count(text) >= count

    assert wait_until(holds, seconds=seconds), path.read_text() if path.exists() else "no file"
    return path.read_text()


def number_after(text, words):
    """The number that follows the last occurrence of some words."""
    return int(text.rpartition(words)[2].split()[0])
