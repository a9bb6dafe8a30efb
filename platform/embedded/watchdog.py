"""Ends what a supervisor leaves behind when it is killed: every process that carries its mark.

Run as `python -I -S watchdog.py MARK`. It reads process groups from its standard input, one a line
(N: begun, -N: gone), until the supervisor closes it or dies; then it ends those that are not gone,
and every process whose environment holds MARK, wherever it moved to. After an orderly stop there is
nothing left for it to do.

Standard library only; no site-packages are looked at.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

GRACE = 5.0  # seconds for the kernel's death signals to be obeyed before SIGKILL
POLL_INTERVAL = 0.1  # seconds
MARK_NAME = "AGORA_SUPERVISOR"


def main(mark: str) -> None:
    for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, signal.SIG_IGN)  # it outlives its supervisor on purpose
    groups: set[int] = set()
    for line in sys.stdin:
        number = int(line)
        (groups.add if number > 0 else groups.discard)(abs(number))
    deadline = time.monotonic() + GRACE
    while left(mark, groups) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
    kill(left(mark, groups))


def left(mark: str, groups: set[int]) -> list[int]:
    """Pids of living processes of those groups, or with the mark; never our own."""
    own = os.getpid()
    return [pid for pid in pids() if pid != own and (group(pid) in groups or has_mark(pid, mark))]


def kill(processes: list[int]) -> None:
    for pid in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def pids() -> list[int]:
    """Every process that /proc shows; none where there is no /proc."""
    proc = Path("/proc")
    return (
        [int(path.name) for path in proc.iterdir() if path.name.isdigit()] if proc.is_dir() else []
    )


def group(pid: int) -> int:
    """The process group, or 0 for a process that is gone or a zombie (proc(5), stat)."""
    try:
        state, _, number = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:3]
    except (OSError, ValueError):
        return 0
    return 0 if state in {"Z", "X"} else int(number)


def has_mark(pid: int, mark: str) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # gone, or another user's
        return False
    return f"{MARK_NAME}={mark}".encode() in environment.split(b"\0")


if __name__ == "__main__":
    main(sys.argv[1])
