"""An alias that swings between two versions, under callers who look closely at each answer."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import urlsplit

from embedded.paths import source_roots
from embedded.processes import alive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.client import Client
    from tests.harness.cluster import Platform

MODEL, ALIAS = "swing", "live"
MODEL_PATH = f"/api/v1/models/{MODEL}"
ALIAS_PATH = f"{MODEL_PATH}/aliases/{ALIAS}"
BUILDER = Path(__file__).parents[1] / "apps" / "ml_models" / "build_artefacts.py"
ROW = {"amount": 1.5, "visits": 3, "colour": "green", "member": True}
WANTED = {1: [[20.5]], 2: [[35.5]]}  # what version 1 (linear) and 2 (steeper) answer to ROW
UNLIMITED = (
    "UPDATE developers_planlimit SET burst = 100000000, sustained = 100000000, daily = 1000000000,"
    " concurrent = NULL"
)
MAKE = """
from pathlib import Path
from tests.factories.ml_models import Artefact, make_ready_version, promote
folder = Path({folder!r})
files = [Artefact(folder / name) for name in ("linear", "steeper")]
versions = [make_ready_version(artefact, {model!r}) for artefact in files]
promote(versions[0], {alias!r})
"""
PAUSE_SECONDS = 0.01  # of a caller between two calls; the cores are shared with the callers
LIVE_SECONDS = 20.0  # a move may take under the load of a test machine


class Called(NamedTuple):
    """One call: when it began (monotonic), how long it took, and what is wrong with its answer."""

    at: float
    seconds: float
    version: int
    wrong: str


def make_artefacts(folder: Path) -> Path:
    """The two models; TensorFlow makes them in a process of its own."""
    subprocess.run(
        [sys.executable, str(BUILDER), str(folder)],
        check=True,
        capture_output=True,
        env={
            **source_roots({}),
            "PYTHONPATH": ":".join(sys.path),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "CUDA_VISIBLE_DEVICES": "",
            "PATH": "/usr/bin:/bin",
        },
    )
    return folder


def prepare(platform: Platform, artefacts: Path) -> None:
    """Register both versions, point the alias at the first, lift the limits."""
    platform.sql(UNLIMITED)
    script = MAKE.format(folder=str(artefacts), model=MODEL, alias=ALIAS)
    platform.manage("shell", "-v", "0", "-c", script)


@dataclass
class Callers:
    """Threads that call one web server each, on connections of their own, and keep every answer."""

    url: str
    token: str
    count: int = 8
    keep_alive: bool = True
    calls: list[Called] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(self.count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    @property
    def wrong(self) -> list[str]:
        return [call.wrong for call in self.calls if call.wrong]

    def between(self, start: float, end: float) -> list[Called]:
        return [call for call in self.calls if start <= call.at < end]

    def _run(self) -> None:
        connection = self._connect()
        while not self._done.is_set():
            if not self.keep_alive:
                connection = self._connect()
            called = self._call(connection)
            self.calls.append(called)
            if called.wrong:
                connection.close()
            self._done.wait(PAUSE_SECONDS)
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=15)

    def _call(self, connection: http.client.HTTPConnection) -> Called:
        started = time.monotonic()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if not self.keep_alive:
            headers["Connection"] = "close"
        try:
            connection.request(
                "POST", f"{ALIAS_PATH}/predict", json.dumps({"features": [ROW]}), headers
            )
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return Called(started, time.monotonic() - started, 0, repr(error))
        seconds = time.monotonic() - started
        return Called(started, seconds, *_look(answer.status, body))


def _look(status: int, body: bytes) -> tuple[int, str]:
    """The version that answered, and what is wrong: the answer must be wholly that version's."""
    if status != 200:
        return 0, f"{status}: {body[:300]!r}"
    document = json.loads(body)
    version = document["model"]["version"]
    is_right = document["prediction"] == WANTED[version]
    return version, "" if is_right else f"version {version} answered {document['prediction']}"


class Swing:
    """Moves the alias and waits until it leads there in all processes."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.staff = platform.client("admin", "admin")

    def promote(self, number: int) -> float:
        """Seconds from the answer to the promotion until it is live; an assertion if it fails."""
        answer = self.staff.put(ALIAS_PATH, {"version": number})
        assert answer.status == 200, answer.text
        started = time.monotonic()
        self.wait_live(number)
        return time.monotonic() - started

    def wait_live(self, number: int) -> None:
        """Until the last rollout, of this version, is live and every process answers by it."""
        assert self.platform.wait_until(
            lambda: self.newest()[:2] == (number, "live") and self._all_follow(),
            seconds=LIVE_SECONDS,
        ), self.newest()

    def newest(self) -> tuple[int, str, str]:
        """Of the last rollout: the version, the state, why it failed."""
        ((number, state, code),) = self.platform.sql(
            "SELECT v.number, r.state, r.reason_code FROM ml_models_rollout r"
            " JOIN ml_models_modelversion v ON v.id = r.version_id ORDER BY r.id DESC LIMIT 1"
        )
        return number, state, code

    def _all_follow(self) -> bool:
        ((behind,),) = self.platform.sql(
            "SELECT count(*) FROM ml_models_servingprocess p WHERE p.role = 'web'"
            " AND p.heartbeat_at > now() - interval '3 seconds'"
            " AND p.generation < (SELECT generation FROM ml_models_routinggeneration)"
        )
        return not behind


def processes_of(platform: Platform) -> dict[int, int]:
    """Resident bytes of each web process that serves and lives, as /proc tells, by its id."""
    rows = platform.sql("SELECT pid FROM ml_models_servingprocess WHERE role = 'web'")
    return {pid: _resident(pid) for (pid,) in rows if alive(pid)}


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def p99(calls: list[Called]) -> float:
    """Milliseconds."""
    return statistics.quantiles((call.seconds * 1_000 for call in calls), n=100)[98]


@contextmanager
def callers_of(platform: Platform, **options: object) -> Iterator[Callers]:
    client: Client = platform.client("demo", "demo")
    with Callers(client.url, client.token, **options) as callers:  # type: ignore[arg-type]
        yield callers
