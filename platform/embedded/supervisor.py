"""Runs children together: restarts what dies, stops all in order, leaves nothing behind."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedded import watchdog
from embedded.errors import ChildGaveUpError, CommandFailedError, StopRequestedError
from embedded.follower import Follower, Source
from embedded.processes import Child, disk_hint, end_processes
from embedded.rendering import every_line
from embedded.restarts import RESTART_WINDOW, Restarts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import FrameType, TracebackType
    from typing import Self

    from embedded.console import Console

    Renderer = Callable[[str], Iterable[str]]

TICK = 0.1  # seconds between two looks at the children while something is waited for
WATCH_INTERVAL = 0.25  # seconds between two looks once all runs
SAME_REQUEST = 0.5  # seconds in which a second signal is the first one's echo, by way of make
HURRIED_GRACE = 1.0  # seconds a child has left after the second Ctrl-C
KEEPS_DATA_GRACE = 5.0  # seconds that the database and the broker have then
SWEEP_GRACE = 2.0  # seconds for strays found at the end
WATCHDOG = Path(watchdog.__file__)
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Children by name. Used as a context: on leaving, everything is stopped.

    Args:
        stop_order: names, first stopped first; others go before them.
        keeps_data: names of children that get time to write, even in a hurry.
        new_restarts: how often a child may die; made for each.
    """

    def __init__(
        self,
        console: Console,
        *,
        stop_order: Sequence[str] = (),
        keeps_data: Sequence[str] = ("redis", "postgres"),
        new_restarts: Callable[[], Restarts] = Restarts,
    ) -> None:
        self._console = console
        self._stop_order = tuple(stop_order)
        self._keeps_data = frozenset(keeps_data)
        self._children: dict[str, Child] = {}
        self._new_restarts = new_restarts
        self._restarts: dict[str, Restarts] = {}
        self._due: dict[str, float] = {}  # when a dead child is to be started again
        self._follower = Follower(console)
        self._previous: dict[int, Any] = {}
        self._stops = 0
        self._asked_at = 0.0
        self._mark = secrets.token_hex(16)
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        for number in STOP_SIGNALS:
            self._previous[number] = signal.signal(number, self._on_signal)
        self._watchdog = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", "-S", str(WATCHDOG), self._mark],
            stdin=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
        )
        self._follower.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.stop_all()
        finally:
            self._follower.stop()
            self._release_watchdog()
            for number, handler in self._previous.items():
                signal.signal(number, handler)

    def start(self, child: Child, *, render: Renderer = every_line) -> None:
        """Start a child and keep it running from now on; `render` says what to show of its log."""
        self._children[child.name] = child
        self._restarts[child.name] = self._new_restarts()
        self._launch(child, render)

    def run(self, child: Child, *, render: Renderer = every_line) -> None:
        """Run a command to its end. Raises CommandFailedError with the end of its log."""
        self._children[child.name] = child
        try:
            self._launch(child, render)
            while child.is_running:
                self.tick(besides=child.name)
                time.sleep(TICK)
        finally:
            self._follower.read_all()
            self._forget(child)
        if child.process is not None and child.process.returncode != 0:
            log = child.tail()
            raise CommandFailedError(f"{child.name} {child.ending}.{disk_hint(log)}", log=log)

    def tick(self, besides: str = "") -> None:
        """One look at everything; called from every loop that waits.

        Raises:
            StopRequestedError: Ctrl-C or SIGTERM came.
            ChildGaveUpError: a child died too often.
        """
        if self._stops:
            raise StopRequestedError("A stop was asked for.")
        for name, child in self._children.items():
            if name != besides and not child.is_running:
                self._see_to_dead(child)

    def watch(self) -> None:
        """Keep the children running until a stop is asked for, which returns, or one gives up."""
        with suppress(StopRequestedError):
            while True:
                self.tick()
                time.sleep(WATCH_INTERVAL)

    def stop_all(self) -> None:
        for name in sorted(self._children, key=self._rank):
            self._stop(self._children[name])
        end_processes(
            [pid for pid in watchdog.pids() if watchdog.has_mark(pid, self._mark)],
            stop_signal=signal.SIGTERM,
            grace=SWEEP_GRACE,
        )
        self._children.clear()

    @property
    def is_stopping(self) -> bool:
        return self._stops > 0

    def environment(self, variables: Mapping[str, str], *, process: str) -> dict[str, str]:
        """A child's variables, with the mark by which strays are found and its name."""
        return {**variables, watchdog.MARK_NAME: self._mark, "AGORA_PROCESS": process}

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._stops and now - self._asked_at < SAME_REQUEST:
            return
        self._stops += 1
        self._asked_at = now
        if self._stops == 1:
            self._console.say(f"\n> Stopping ({signal.Signals(number).name}) ...")

    def _launch(self, child: Child, render: Renderer) -> None:
        self._follower.add(Source(child.name, child.log, render))
        child.start()
        self._tell_watchdog(child.pid)

    def _see_to_dead(self, child: Child) -> None:
        now = time.monotonic()
        due = self._due.get(child.name)
        if due is None:
            self._bury(child, now)
        elif now >= due:
            del self._due[child.name]
            child.start()
            self._tell_watchdog(child.pid)

    def _bury(self, child: Child, now: float) -> None:
        """End what is left of its group and plan its next start, or give up."""
        ending = child.ending
        child.signal_group(signal.SIGKILL)
        self._tell_watchdog(-child.pid)
        restarts = self._restarts[child.name]
        delay = restarts.next_delay(now=now)
        if delay is None:
            self._follower.read_all()
            log = child.tail()
            raise ChildGaveUpError(
                f"{child.name} {ending}; it was restarted {restarts.limit} times within"
                f" {RESTART_WINDOW:.0f} s, so everything is stopped.{disk_hint(log)}",
                log=log,
            )
        self._due[child.name] = now + delay
        self._console.say(
            f"! {child.name} {ending}; restarting it in {delay:.1f} s"
            f" ({restarts.count} of {restarts.limit} within {RESTART_WINDOW:.0f} s)"
        )

    def _rank(self, name: str) -> int:
        return self._stop_order.index(name) if name in self._stop_order else -1

    def _stop(self, child: Child) -> None:
        if not child.is_running:
            self._forget(child)
            return
        begun = time.monotonic()
        child.ask_to_stop()
        while child.is_running and time.monotonic() - begun < self._grace(child):
            time.sleep(TICK / 4)
        by_itself = not child.is_running
        child.kill()
        self._forget(child)
        verb = "stopped" if by_itself else "killed"
        self._console.say(f"  {child.name} {verb} ({time.monotonic() - begun:.1f} s)")

    def _grace(self, child: Child) -> float:
        """Seconds it has; fewer from the second Ctrl-C on, asked anew at every look."""
        if self._stops <= 1:
            return child.grace
        return min(
            child.grace, KEEPS_DATA_GRACE if child.name in self._keeps_data else HURRIED_GRACE
        )

    def _forget(self, child: Child) -> None:
        if child.process is not None:
            child.kill()
            self._tell_watchdog(-child.pid)
        if child.name not in self._restarts:
            self._children.pop(child.name, None)

    def _tell_watchdog(self, group: int) -> None:
        dog = self._watchdog
        if dog is not None and dog.stdin is not None:
            with suppress(OSError):  # it was killed: the kernel's death signals remain
                dog.stdin.write(f"{group}\n".encode())
                dog.stdin.flush()

    def _release_watchdog(self) -> None:
        dog = self._watchdog
        if dog is None or dog.stdin is None:
            return
        with suppress(OSError):
            dog.stdin.close()
        try:
            dog.wait(timeout=SWEEP_GRACE)
        except subprocess.TimeoutExpired:
            os.kill(dog.pid, signal.SIGKILL)
            dog.wait()
