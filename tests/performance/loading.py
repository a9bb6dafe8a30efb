"""Drives loadgen: compiles it, writes the request it sends, reads what it measured."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = Path(__file__).parent / "loadgen.c"
GRACE = 90  # seconds loadgen may wait for answers under way, and more


class LoadError(RuntimeError):
    """The load generator could not be built or did not work."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of loadgen measured.

    Attributes:
        requests: answers that came within `seconds`.
        answered: all answers, also those of the warm-up and those awaited at the end.
        errors: answers other than 200 or of another length, and broken connections.
    """

    requests: int
    seconds: float
    answered: int
    errors: int
    first_error: str
    p50_ms: float
    p99_ms: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


def build(folder: Path) -> Path:
    """Compile it. Raises LoadError when there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise LoadError("The load generator needs a C compiler (cc) on PATH.")
    program = folder / "loadgen"
    made = subprocess.run(
        [compiler, "-O2", "-std=c11", "-o", str(program), str(SOURCE)],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        raise LoadError(f"The load generator does not compile:\n{made.stderr}")
    return program


def http_request(path: str, port: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """The bytes of one POST (RFC 9112)."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def run(  # noqa: PLR0913 - the arguments of a program, by name
    program: Path,
    *,
    port: int,
    request: Path,
    connections: int,
    warmup: float,
    seconds: float,
    body_bytes: int,
) -> Load:
    """One closed loop against 127.0.0.1; every answer must have a body of `body_bytes`."""
    arguments = [str(port), str(request), str(connections), str(warmup), str(seconds)]
    done = subprocess.run(
        [str(program), "127.0.0.1", *arguments, str(body_bytes)],
        check=False,
        capture_output=True,
        text=True,
        timeout=warmup + seconds + GRACE,
    )
    if done.returncode != 0:
        raise LoadError(f"The load generator failed: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    return Load(**{name: found[name] for name in Load.__slots__})
