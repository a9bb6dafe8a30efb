"""A whole platform as children of one test, each of which can be killed, frozen, started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from embedded import programs
from embedded.network import free_port
from embedded.paths import source_roots
from embedded.postgres import Postgres
from embedded.processes import Child, alive, all_pids, launch_command
from embedded.programs import Options
from embedded.redis import Redis
from embedded.run import readiness
from embedded.state import ROTATION_LISTS, StateDirectory, checkout
from embedded.watchdog import MARK_NAME, has_mark
from tests.harness.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

READY_TIMEOUT = 60.0  # seconds
MANAGE_TIMEOUT = 300  # seconds; training the demo model takes longest
POLL_INTERVAL = 0.05  # seconds
SERVERS = ("postgres", "redis")
# Variables of the surrounding test run that must not reach the platform under test.
FOREIGN = {
    *("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "STATE_DIR", "PYTEST_CURRENT_TEST"),
    *ROTATION_LISTS,
}


class Platform:
    """PostgreSQL, Redis and all of our processes under one folder; leaving it ends them all.

    A name is a kind, or a kind with a number for one more of it: "worker", "worker:2", "web:2".

    Args:
        folder: becomes the state directory; may hold one that `prepare` filled before.
        settings: more environment variables for every process.
        options: processes and threads; by default one of each, so that a kill hits the one at work.
        wsgi: what web servers serve instead of the platform itself, e.g. tests.harness.dying.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        options: Options | None = None,
        wsgi: str = "",
    ) -> None:
        self.state = StateDirectory(folder)
        self.options = replace(
            options or Options(web_workers=1, worker_concurrency=1), port=free_port()
        )
        self.postgres = Postgres(self.state, durable=False, owner_creates_databases=True)
        self.redis = Redis(self.state)
        self.ports = {"web": self.options.port}
        self._settings = dict(settings or {})
        self._wsgi = wsgi
        self._children: dict[str, Child] = {}
        self._mark = f"harness-{os.getpid()}-{id(self)}"

    def __enter__(self) -> Self:
        self.state.open()
        self.start("postgres")
        self.start("redis")
        return self

    def __exit__(self, *_: object) -> None:
        for child in reversed(self._children.values()):
            child.thaw()
            child.kill()
        self.redis.kill()
        self.postgres.thaw()
        self.postgres.stop(grace=3.0)
        for pid in self.strays():
            os.kill(pid, signal.SIGKILL)

    @property
    def url(self) -> str:
        return self.options.url

    def client(self, username: str = "", password: str = "", *, web: str = "web") -> Client:
        """A client of one web server, logged in when a name is given."""
        client = Client(replace(self.options, port=self.ports[web]).url)
        return client.login(username, password) if username else client

    def start(self, *names: str) -> None:
        """Start those that are not running. Of them, only the servers surely answer afterwards."""
        for name in names:
            if name in SERVERS:
                self._start_server(name)
            elif not self._child(name).is_running:
                self._child(name).start()

    def stop(self, name: str) -> bool:
        """Ask it to stop as its supervisor would. Says whether it went by itself."""
        return self._find(name).stop()

    def kill(self, name: str) -> None:
        """SIGKILL to the process and its children at once."""
        self._find(name).kill()

    def freeze(self, name: str) -> None:
        self._find(name).freeze()

    def thaw(self, name: str) -> None:
        self._find(name).thaw()

    def restart(self, name: str) -> None:
        """Kill it if it still runs, and start it again."""
        self.kill(name)
        self.start(name)

    def pid(self, name: str) -> int:
        return self._child(name).pid if name not in SERVERS else self._find(name).child.pid

    def is_running(self, name: str) -> bool:
        found = self._find(name)
        return found.is_running if isinstance(found, Child) else found.child.is_running

    def log(self, name: str) -> str:
        """All that it has written so far."""
        path = self.state.logs / f"{name.replace(':', '-')}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_ready(self, *, web: str = "web", seconds: float = READY_TIMEOUT) -> None:
        """Until /readyz of a web server answers 200."""
        url = replace(self.options, port=self.ports[web]).url
        last: list[str | None] = [""]

        def ready() -> bool:
            last[0] = readiness(url)
            return last[0] is None

        assert self.wait_until(ready, seconds=seconds), f"{last[0]}\n{self.log(web)[-2000:]}"

    def wait_until(self, is_so: Callable[[], object], *, seconds: float) -> bool:
        """Whether it became so within that time."""
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_INTERVAL)
        return True

    def sql(self, statement: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Run one statement as the superuser; its rows, or none."""
        with closing(self.postgres.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def manage(self, *arguments: str) -> str:
        """Run one of Django's commands to its end; its output. An assertion when it fails."""
        done = subprocess.run(
            launch_command(programs.manage(*arguments)),
            env=self.environment("manage"),
            cwd=checkout(),
            capture_output=True,
            text=True,
            timeout=MANAGE_TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def environment(self, process: str) -> dict[str, str]:
        """What a process of this platform sees."""
        kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        own = {
            **source_roots(kept),
            **self.state.secret_files({}),
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "STATE_DIR": str(self.state.root),
            "DATABASE_URL": self.postgres.app_url(),
            "DATABASE_OWNER_URL": self.postgres.owner_url(),
            "REDIS_URL": self.redis.url(),
            "HOST": self.options.host,
            "PORT": str(self.options.port),
            "PYTHONUNBUFFERED": "1",
            "AGORA_PROCESS": process,
            MARK_NAME: self._mark,
        }
        return {**kept, **own, **self._settings}

    def strays(self) -> list[int]:
        """Living processes of this platform, whatever group they moved to."""
        return [pid for pid in all_pids() if has_mark(pid, self._mark) and alive(pid)]

    def _start_server(self, name: str) -> None:
        server = self.postgres if name == "postgres" else self.redis
        if not hasattr(server, "child"):
            server.start()
        elif not server.child.is_running:
            server.restart()

    def _find(self, name: str) -> Child | Postgres | Redis:
        servers = {"postgres": self.postgres, "redis": self.redis}
        return servers[name] if name in servers else self._child(name)

    def _child(self, name: str) -> Child:
        if name not in self._children:
            self._children[name] = self._make(name)
        return self._children[name]

    def _make(self, name: str) -> Child:
        kind = name.partition(":")[0]
        environment = self.environment(name)
        if kind == "web":
            port = self.ports.setdefault(name, free_port())
            child = programs.web(self.state, replace(self.options, port=port), environment)
            if self._wsgi:
                child.command = [*child.command[:-1], self._wsgi]
        elif kind == "worker":
            # Its node's name is made of the port: one of its own for each worker.
            port = self.options.port if name == kind else free_port()
            child = programs.worker(self.state, replace(self.options, port=port), environment)
        else:
            make = {
                "relay": programs.relay,
                "beat": programs.beat,
                "webhooks": programs.webhooks,
            }[kind]
            child = make(self.state, environment)
        child.name = name
        child.log = self.state.logs / f"{name.replace(':', '-')}.log"
        return child


def copy_state(source: Path, target: Path) -> None:
    """A prepared state directory for one more platform; nothing runs on the source."""
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("logs", "port"))
