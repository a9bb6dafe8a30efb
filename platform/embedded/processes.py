"""A child process that is started, stopped, killed or frozen, and never outlives its starter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LAUNCHER = Path(__file__).with_name("launch.py")
POLL_INTERVAL = 0.02  # seconds between two looks at a process that is being waited for
TAIL_BYTES = 16_384  # of a log that is searched for the reason of a failure
TAIL_LINES = 15  # of it that are shown


@dataclass(slots=True)
class Child:
    """One process in a session of its own, its output appended to a log file.

    The kernel sends it `stop_signal` when the thread that started it ends; its own children are in
    its process group, or found by the supervisor's sweep (`watchdog`).
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    directory: Path | None = None
    identity: str = "keep"
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10.0  # seconds between the stop signal and SIGKILL
    on_terminal: bool = False  # it draws on the terminal itself; the log takes its errors alone
    before_start: Callable[[], None] | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self.before_start is not None:
            self.before_start()
        # The child writes by itself: a blocked terminal cannot stop it.
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
                launch_command(self.command, identity=self.identity, stop_signal=self.stop_signal),
                stdin=subprocess.DEVNULL,
                stdout=None if self.on_terminal else log,
                stderr=log,
                cwd=self.directory,
                env=dict(self.environment),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Of the process, and of its group. Raises ProcessLookupError when it was never started."""
        if self.process is None:
            raise ProcessLookupError(f"{self.name} has not been started")
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def ending(self) -> str:
        """How the process ended, in words."""
        code = None if self.process is None else self.process.poll()
        if code is None:
            return "is running"
        if code >= 0:
            return f"ended with exit code {code}"
        return f"was ended by {signal.Signals(-code).name}"

    def send(self, number: signal.Signals) -> None:
        """To the process alone."""
        if self.is_running:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def signal_group(self, number: signal.Signals) -> None:
        """To the process and its children, also when it is itself gone."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within that time."""
        deadline = time.monotonic() + seconds
        while self.is_running:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_INTERVAL)
        return True

    def ask_to_stop(self) -> None:
        self.send(self.stop_signal)
        # A frozen process sees the signal only when it is thawed.
        self.signal_group(signal.SIGCONT)

    def stop(self, grace: float | None = None) -> bool:
        """Ask it to stop, and after `grace` seconds make it. Says whether it went by itself."""
        self.ask_to_stop()
        by_itself = self.wait(self.grace if grace is None else grace)
        self.kill()
        return by_itself

    def kill(self) -> None:
        """SIGKILL to the whole group, and reap."""
        self.signal_group(signal.SIGKILL)
        self.wait(self.grace)

    def freeze(self) -> None:
        self.signal_group(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal_group(signal.SIGCONT)

    def tail(self) -> str:
        """The last lines of its log."""
        return tail(self.log)


def disk_hint(log: str) -> str:
    """A sentence to add to a failure whose log says that there is no space left."""
    is_full = "No space left on device" in log or "Disk quota exceeded" in log
    return " The disk is full." if is_full else ""


def launch_command(
    command: Sequence[str], *, identity: str = "keep", stop_signal: signal.Signals = signal.SIGTERM
) -> list[str]:
    """The command under the launcher: see launch.py."""
    return [
        *(sys.executable, "-I", "-S", str(LAUNCHER)),
        *(str(os.getpid()), str(int(stop_signal)), identity),
        *command,
    ]


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a file; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def processes_in(directory: Path, program: str) -> list[int]:
    """Pids of a program's processes that work in this directory: servers left by a killed run."""
    return [
        pid
        for pid in all_pids()
        if link(pid, "cwd") == str(directory) and Path(link(pid, "exe")).name.startswith(program)
    ]


def all_pids() -> list[int]:
    """Every process that /proc shows; none where there is no /proc."""
    proc = Path("/proc")
    return (
        [int(path.name) for path in proc.iterdir() if path.name.isdigit()] if proc.is_dir() else []
    )


def link(pid: int, name: str) -> str:
    """Where /proc/PID/NAME points, or empty for a process that is gone or another's."""
    try:
        return str(Path(f"/proc/{pid}/{name}").readlink()).removesuffix(" (deleted)")
    except OSError:
        return ""


def end_processes(pids: Sequence[int], *, stop_signal: signal.Signals, grace: float) -> None:
    """Ask processes that are not our children to stop, then make them; `grace` in seconds."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, stop_signal)
            os.kill(pid, signal.SIGCONT)  # a frozen one sees the signal only when it is thawed
    deadline = time.monotonic() + grace
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
    for pid in filter(alive, pids):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in {"Z", "X"}
