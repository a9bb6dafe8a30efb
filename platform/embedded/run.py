"""`make run`: from nothing to a platform that has proved itself, then watches over it."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from embedded import external, programs
from embedded.banner import banner
from embedded.errors import CommandFailedError, DemoPasswordsError, StartFailedError
from embedded.network import require_free
from embedded.paths import source_roots
from embedded.postgres import Postgres
from embedded.programs import Options
from embedded.proof import prove
from embedded.redis import Redis
from embedded.rendering import platform_lines, postgres_lines, redis_lines
from embedded.state import RunLock, state_directory
from embedded.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from embedded.console import Console, Step
    from embedded.state import StateDirectory

READY_TIMEOUT = 120.0  # seconds until /readyz says yes: the model is loaded and warm
READY_INTERVAL = 0.25  # seconds between two looks
HTTP_TIMEOUT = 5.0  # seconds
SHARED_VARIABLES = (
    "ALLOW_LOOPBACK_TARGETS",
    "DATABASE_OWNER_URL",
    "DATABASE_URL",
    "PUBLIC_URL",
    "REDIS_URL",
)


def run(given: Mapping[str, str], console: Console) -> None:
    """Start, prove, watch; returns after an orderly stop.

    Raises:
        EmbeddedError: in one line why it cannot start, or why it stopped.
    """
    begun = time.monotonic()
    options = Options.read(given)
    state = state_directory(given)
    console.say(f"Agora, state in {state.root}")
    state.open()
    with RunLock(state):
        require_free(options.host, options.port)
        with Supervisor(console, stop_order=programs.STOP_ORDER) as supervisor:
            Start(given, options, state, supervisor, console).all()
            console.say(f"Up after {time.monotonic() - begun:.0f} s. Ctrl-C stops everything.")
            supervisor.watch()
    console.say("Stopped.")


class Start:
    """The steps of one start, in order; each leaves what the next one needs."""

    def __init__(
        self,
        given: Mapping[str, str],
        options: Options,
        state: StateDirectory,
        supervisor: Supervisor,
        console: Console,
    ) -> None:
        self._given = given
        self._options = options
        self._state = state
        self._supervisor = supervisor
        self._console = console
        self._variables: dict[str, str] = {}

    def all(self) -> None:
        self._variables = self._base()
        self._variables |= self._database()
        self._variables |= self._broker()
        self._write_environment()
        self._prepare()
        self._processes()
        self._wait_ready()
        with self._console.step("Proof: login, prediction, batch prediction") as step:
            result = prove(self._options.url, self._state.root, progress=self._reporter(step))
            step.result = result.summary
        self._console.say(banner(self._options.url, result))

    def _base(self) -> dict[str, str]:
        """The caller's environment, and what of it is ours to complete."""
        variables = {
            **self._given,
            **source_roots(self._given),
            **self._state.secret_files(self._given),
            "STATE_DIR": str(self._state.root),
            "HOST": self._options.host,
            "PORT": str(self._options.port),
            "PYTHONUNBUFFERED": "1",
        }
        variables.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
        variables.setdefault("PUBLIC_URL", self._options.url)
        variables.setdefault("ALLOW_LOOPBACK_TARGETS", "1")  # a developer's own programs
        if not self._options.is_loopback and "ALLOWED_HOSTS" not in variables:
            names = ("127.0.0.1", "localhost", "[::1]", self._options.host, socket.gethostname())
            variables["ALLOWED_HOSTS"] = ",".join(names)
        return variables

    def _database(self) -> dict[str, str]:
        with self._console.step("PostgreSQL") as step:
            url = self._given.get("DATABASE_URL")
            if url:
                version = external.check_database("DATABASE_URL", url)
                owner = self._given.get("DATABASE_OWNER_URL") or url
                external.check_database("DATABASE_OWNER_URL", owner)
                step.result = f"yours, version {version}"
                return {"DATABASE_URL": url, "DATABASE_OWNER_URL": owner}
            postgres = Postgres(self._state)
            report = self._reporter(step)
            postgres.prepare(report)
            self._supervisor.start(postgres.child, render=postgres_lines)
            postgres.wait_ready(report)
            postgres.see_to_roles()
            step.result = f"own, on port {postgres.port}"
            return {
                "DATABASE_URL": postgres.app_url(),
                "DATABASE_OWNER_URL": postgres.owner_url(),
            }

    def _broker(self) -> dict[str, str]:
        with self._console.step("Redis") as step:
            url = self._given.get("REDIS_URL")
            if url:
                step.result = f"yours, version {external.check_redis(url)}"
                return {"REDIS_URL": url}
            redis = Redis(self._state)
            redis.prepare()
            self._supervisor.start(redis.child, render=redis_lines)
            redis.wait_ready(self._reporter(step))
            step.result = f"own, on port {redis.port}"
            return {"REDIS_URL": redis.url()}

    def _write_environment(self) -> None:
        """What commands in a second terminal need to find the same platform."""
        names = {*SHARED_VARIABLES, "HOST", "PORT", "ALLOWED_HOSTS"}
        names |= {name for name in self._variables if name.endswith("KEYS_FILE")}
        names |= {"PEPPERS_FILE"}
        self._state.write_environment(
            {name: self._variables[name] for name in names if name in self._variables}
        )

    def _prepare(self) -> None:
        self._manage("migrate", "Database schema", ["migrate", "--no-input"])
        self._manage("seed", "Demo world", ["seed"])
        if not self._options.is_loopback:
            self._refuse_demo_passwords()
        self._manage(
            "train",
            "Demo model",
            ["train_purchase_intent", "--if-missing"],
            on_terminal=True,
        )

    def _refuse_demo_passwords(self) -> None:
        try:
            self._manage("passwords", "Demo passwords", ["check_demo_passwords"])
        except CommandFailedError as error:
            raise DemoPasswordsError(
                f"HOST={self._options.host} can be reached from outside while demo accounts have"
                " their published passwords: start with HOST=127.0.0.1, change them at /admin/,"
                " then try again.",
                log=error.log,
            ) from error

    def _manage(
        self, name: str, title: str, arguments: list[str], *, on_terminal: bool = False
    ) -> None:
        with self._console.step(title):
            child = programs.command(
                name,
                arguments,
                self._state,
                self._supervisor.environment(self._variables, process=name),
                on_terminal=on_terminal,
            )
            self._supervisor.run(child, render=platform_lines)

    def _processes(self) -> None:
        def environment(process: str) -> dict[str, str]:
            return self._supervisor.environment(self._variables, process=process)

        state, options = self._state, self._options
        for child in (
            programs.web(state, options, environment("web")),
            programs.relay(state, environment("relay")),
            programs.webhooks(state, environment("webhooks")),
            programs.worker(state, options, environment("worker")),
            programs.beat(state, environment("beat")),
        ):
            self._supervisor.start(child, render=platform_lines)

    def _wait_ready(self) -> None:
        with self._console.step("Web server, relay, webhooks, worker, beat") as step:
            report = self._reporter(step)
            while True:
                answer = readiness(self._options.url)
                if answer is None:
                    step.result = f"ready at {self._options.url}"
                    return
                if step.elapsed > READY_TIMEOUT:
                    raise StartFailedError(
                        f"The platform was not ready within {READY_TIMEOUT:.0f} s: {answer}"
                    )
                report(answer)
                time.sleep(READY_INTERVAL)

    def _reporter(self, step: Step) -> Callable[[str], None]:
        """For loops that wait: shows progress, notices a stop and dead children."""

        def report(text: str) -> None:
            self._supervisor.tick()
            step.progress(text)

        return report


def readiness(url: str) -> str | None:
    """None when /readyz answers 200, else what it says, shortened to one line."""
    request = urllib.request.Request(f"{url}/readyz")  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(request, timeout=HTTP_TIMEOUT):  # noqa: S310 - as above
            return None
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read(500).decode(errors='replace')}".replace("\n", " ")
    except OSError:
        return "still starting"
