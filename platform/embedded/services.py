"""PostgreSQL and Redis of one command's own, in a directory that goes with it."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from embedded.paths import source_roots
from embedded.postgres import Postgres
from embedded.processes import POLL_INTERVAL, launch_command
from embedded.redis import Redis
from embedded.state import StateDirectory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType

    from embedded.console import Console

COMMAND_GRACE = 20.0  # seconds a command has to end after Ctrl-C or SIGTERM


@contextmanager
def temporary_services(console: Console) -> Iterator[dict[str, str]]:
    """Start both, without durability; yields the variables that lead to them and their passwords.

    DATABASE_URL is the owner's role, which may create databases: test runners make their own.
    """
    with tempfile.TemporaryDirectory(prefix="agora-") as folder:
        state = StateDirectory(Path(folder) / "state")
        state.open()
        postgres = Postgres(state, durable=False, owner_creates_databases=True)
        redis = Redis(state, durable=False)
        try:
            with console.step("PostgreSQL and Redis of its own") as step:
                postgres.start(step.progress)
                redis.start(step.progress)
                step.result = f"ready on ports {postgres.port} and {redis.port}"
            yield {
                "STATE_DIR": str(state.root),
                "DATABASE_URL": postgres.owner_url(),
                "DATABASE_OWNER_URL": postgres.owner_url(),
                "DATABASE_APP_URL": postgres.app_url(),
                "REDIS_URL": redis.url(),
            }
        finally:
            # Nothing here is kept, so nothing needs to be written out.
            for child in (getattr(redis, "child", None), getattr(postgres, "child", None)):
                if child is not None:
                    child.stop(grace=5.0)


def run_with_services(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    console: Console,
    make_secrets: bool,
) -> int:
    """Run a command beside services of its own; its exit code (128 + n after signal n).

    With `make_secrets` it also gets secrets, as `manage.py` needs; test settings bring their own.
    """
    with temporary_services(console) as variables:
        state = StateDirectory(Path(variables["STATE_DIR"]))
        secrets = state.secret_files(environment) if make_secrets else {}
        return run_command(
            command,
            environment={**environment, **variables, **secrets, **source_roots(environment)},
        )


def run_command(command: Sequence[str], *, environment: Mapping[str, str]) -> int:
    """Run a command in the foreground; SIGINT and SIGTERM to us are passed on, then enforced."""
    stopping: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        stopping.append(number)
        # A terminal sends SIGINT to the command by itself: they share its group.
        if number != signal.SIGINT or len(stopping) > 1:
            process.send_signal(number)

    process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
        launch_command(command), env=dict(environment), cwd=Path.cwd()
    )
    previous = {
        number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        deadline = float("inf")
        while process.poll() is None:
            if stopping and deadline == float("inf"):
                deadline = time.monotonic() + COMMAND_GRACE
            if time.monotonic() > deadline:
                process.kill()
            time.sleep(POLL_INTERVAL)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode
