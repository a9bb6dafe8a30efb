"""`python -m embedded run | services -- COMMAND... | test -- PYTEST-ARGUMENTS...`."""

from __future__ import annotations

import errno
import os
import sys

from embedded.console import Console
from embedded.errors import DiskFullError, EmbeddedError, StopRequestedError
from embedded.run import run
from embedded.services import run_with_services

USAGE = """usage: python -m embedded run
         the whole platform under STATE_DIR
       python -m embedded services -- COMMAND...
         start PostgreSQL and Redis of its own, run the command with DATABASE_URL, REDIS_URL
         and STATE_DIR set, stop them; its exit code is the command's
       python -m embedded test -- PYTEST-ARGUMENTS...
         the same around pytest
"""
WRONG_USAGE = 2  # exit code


def main(arguments: list[str]) -> int:
    console = Console()
    try:
        return dispatch(arguments, console)
    except StopRequestedError:
        console.say("Stopped.")
        return 0
    except EmbeddedError as error:
        explain(error)
        return 1
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        explain(DiskFullError(f"The disk is full: {error.filename or 'a write failed'}."))
        return 1


def dispatch(arguments: list[str], console: Console) -> int:
    name, *rest = arguments or [""]
    if name == "run" and not rest:
        run(os.environ, console)
        return 0
    if rest[:1] == ["--"]:
        rest = rest[1:]
    if name == "services" and rest:
        return run_with_services(rest, environment=os.environ, console=console, make_secrets=True)
    if name == "test":
        command = [sys.executable, "-m", "pytest", *rest]
        return run_with_services(
            command, environment=os.environ, console=console, make_secrets=False
        )
    sys.stderr.write(USAGE)
    return WRONG_USAGE


def explain(error: EmbeddedError) -> None:
    """The end of the log that explains it, then one clear line, last so that it is seen."""
    if error.log:
        sys.stderr.write(error.log.rstrip() + "\n")
    sys.stderr.write(f"agora: {error.detail}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
