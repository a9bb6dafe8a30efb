"""The sides of the comparison: how each is started, asked and stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
PROCESSES = 2  # of each peer
START_TIMEOUT = 300.0  # seconds; the platform also trains its demo model
STOP_TIMEOUT = 60.0  # seconds
ANSWER_TIMEOUT = 60.0  # seconds
LOG_SHOWN = 2_000  # characters of a log that explain a failed start
TOLERANCE = 1e-5  # largest difference to the Keras reference
Rows = list[list[float]]


class SideError(RuntimeError):
    """A side does not start, does not answer, or answers something else than Keras."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Side:
    """A server as a child process, listening on 127.0.0.1.

    Attributes:
        name: as the tables call it.
        what: one line for the reader of the tables.
        warmup: seconds of load before the counting begins.
        settle: seconds after the last answer until it has begun what it does behind the answers.
    """

    name: str
    what: str
    command: Sequence[str]
    environment: Mapping[str, str]
    port: int
    log: Path
    directory: Path = CHECKOUT
    path: str = "/predict"
    warmup: float = 0.5
    settle: float = 0.0
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                cwd=self.directory,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def wait_ready(self) -> None:
        """Until it listens. Raises SideError with the end of its log."""
        self._wait(self.listens)

    def listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def headers(self) -> dict[str, str]:
        """What a caller sends beside the body."""
        return {}

    def notes(self) -> list[str]:
        """Once all is measured: what makes its figures look better than they are."""
        return []

    def body(self, rows: Rows) -> bytes:
        return json.dumps({"features": rows}).encode()

    def check(self, rows: Rows, reference: Rows) -> int:
        """Ask once and compare with Keras; the length of the answer's body in bytes."""
        status, answer = send(
            "POST", self.url(self.path), self.body(rows), {**self.headers(), **JSON}
        )
        if status != HTTPStatus.OK:
            raise SideError(f"{self.name} answered {status}: {answer[:300]!r}")
        given = json.loads(answer)["prediction"]
        worst = difference(given, reference)
        if worst > TOLERANCE:
            raise SideError(f"{self.name} differs from Keras by {worst:.2e}: {given}")
        return len(answer)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            for process in processes.tree(self.process.pid):
                os.kill(process, signal.SIGKILL)
            self.process.wait()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def _wait(self, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not is_ready():
            ended = self.process is not None and self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                text = self.log.read_text(errors="replace")[-LOG_SHOWN:]
                raise SideError(f"{self.name} does not start. The end of its log:\n{text}")
            time.sleep(0.2)


JSON = {"Content-Type": "application/json"}


def send(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str]
) -> tuple[int, bytes]:
    """One request on a connection of its own: status and body."""
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers))  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT) as answer:  # noqa: S310 - as above
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def difference(given: Rows, reference: Rows) -> float:
    """The largest distance of two lists of output lists; infinite when their shapes differ."""
    if [len(row) for row in given] != [len(row) for row in reference]:
        return float("inf")
    pairs = zip(
        (value for row in given for value in row),
        (value for row in reference for value in row),
        strict=True,
    )
    return max(abs(mine - theirs) for mine, theirs in pairs)


def flask(folder: Path) -> Side:
    port = free_port()
    return Side(
        name="flask",
        what=f"the tutorial: Flask, model.predict, gunicorn with {PROCESSES} workers",
        command=[
            *python("gunicorn"),
            "-w",
            str(PROCESSES),
            "-b",
            f"127.0.0.1:{port}",
            "flask_app:app",
        ],
        environment=peer_environment(folder, "tensorflow"),
        port=port,
        log=folder / "flask.log",
        directory=HERE / "peers",
        warmup=1.0,
    )


def fastapi(folder: Path, *, engine: str = "tensorflow") -> Side:
    port = free_port()
    shown = {"tensorflow": "TensorFlow's concrete function", "litert": "LiteRT"}[engine]
    name = {"tensorflow": "fastapi", "litert": "fastapi-litert"}[engine]
    return Side(
        name=name,
        what=f"bare FastAPI, orjson, {shown}, uvicorn with {PROCESSES} workers",
        command=[
            *(*python("uvicorn"), "--workers", str(PROCESSES), "--port", str(port)),
            *("--no-access-log", "--log-level", "warning", "fastapi_app:app"),
        ],
        environment=peer_environment(folder, engine),
        port=port,
        log=folder / f"{name}.log",
        directory=HERE / "peers",
    )


def python(module: str) -> list[str]:
    return [sys.executable, "-m", module]


def peer_environment(folder: Path, engine: str) -> dict[str, str]:
    return {
        "BENCH_ENGINE": engine,
        "BENCH_MODEL": str(folder / "model.keras"),
        "BENCH_FLATBUFFER": str(folder / "model.tflite"),
        "PYTHONDONTWRITEBYTECODE": "1",
        **QUIET_TENSORFLOW,
    }


QUIET_TENSORFLOW = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
