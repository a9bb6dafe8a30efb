"""Process trees seen through /proc: what they have used of the processors and of the memory."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

TICKS = os.sysconf("SC_CLK_TCK")  # of CPU time in a second; the resolution of every figure here
QUIET_CORES = 0.15  # of processor time below which a side counts as quiet
QUIET_LOOK = 0.3  # seconds one look lasts
QUIET_TIMEOUT = 30.0  # seconds


def tree(root: int) -> list[int]:
    """The process and all its living descendants."""
    children: dict[int, list[int]] = {}
    for process, fields in _stats():
        children.setdefault(int(fields[1]), []).append(process)
    found, waiting = [], [root]
    while waiting:
        process = waiting.pop()
        found.append(process)
        waiting.extend(children.get(process, []))
    return found


def cpu_seconds(root: int) -> float:
    """Used so far by the tree, the children that have ended and were waited for included."""
    members = set(tree(root))
    ticks = 0
    for process, fields in _stats():
        if process in members:
            ticks += sum(int(value) for value in fields[11:15])  # utime stime cutime cstime
    return ticks / TICKS


def memory_mb(root: int) -> float:
    """Proportional set size of the tree: shared pages are counted once."""
    kilobytes = 0
    for process in tree(root):
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:  # it has just ended
            continue
        kilobytes += sum(
            int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")
        )
    return kilobytes / 1024


def busy_cores(root: int, seconds: float = QUIET_LOOK) -> float:
    before = cpu_seconds(root)
    time.sleep(seconds)
    return (cpu_seconds(root) - before) / seconds


def wait_quiet(roots: Collection[int]) -> set[int]:
    """Until every tree does next to nothing; those that will not stop working."""
    deadline, busy = time.monotonic() + QUIET_TIMEOUT, set(roots)
    while busy and time.monotonic() < deadline:
        before = {root: cpu_seconds(root) for root in busy}
        time.sleep(QUIET_LOOK)
        busy = {
            root for root in busy if cpu_seconds(root) - before[root] > QUIET_CORES * QUIET_LOOK
        }
    return busy


def _stats() -> list[tuple[int, list[str]]]:
    """(pid, fields from `state` on) of every process: proc_pid_stat(5)."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text()
            except OSError:  # it has just ended
                continue
            # The name, in parentheses, may itself hold spaces and parentheses.
            found.append((int(folder.name), text.rpartition(")")[2].split()))
    return found
