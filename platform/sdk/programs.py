"""Running the tools that build a kit; their words are shown when they fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sdk.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT = 300  # seconds; npm's download takes longest
OUTPUT_SHOWN = 3_000  # characters of a failed tool's output, the last ones


def run(*command: str, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """What a program printed. Raises BuildError when it fails or hangs."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            command,
            cwd=folder,
            env=dict(environment or os.environ),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{name} could not be run: {error}") from error
    output = done.stdout + done.stderr
    if done.returncode != 0:
        raise BuildError(f"{name} failed ({done.returncode}):\n{output[-OUTPUT_SHOWN:]}")
    return output


def run_python(*arguments: str, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """The same with this interpreter, whose own tools come first on PATH."""
    own = {**(environment or os.environ)}
    own["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), own.get("PATH", "")])
    return run(sys.executable, *arguments, folder=folder, environment=own)
