"""The platform's own processes: what they are called, how they are started and stopped."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from embedded.errors import InvalidSettingError
from embedded.network import PORT_MAXIMUM
from embedded.processes import Child
from embedded.state import checkout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from embedded.state import StateDirectory

QUEUES = "default,predictions,webhooks,telemetry,maintenance"
WEB_KILL_SECONDS = 8  # a web worker that has not finished its requests by then is killed
WEB_START_SECONDS = 10  # until a new web worker surely listens; only then its predecessor may stop
WEB_RSS_BYTES = 1_536 * 1024**2  # of a web worker; another one takes its place above that
WEB_RSS_SECONDS = 5  # between two looks at their memory
WEB_RSS_SAMPLES = 3  # looks in a row that must find too much
MEBIBYTE = 1024**2
GRACE = {  # seconds between TERM and KILL
    "web": 10.0,
    "worker": 20.0,
    "relay": 10.0,
    "beat": 5.0,
    "webhooks": 15.0,
}
STOP_ORDER = ("web", "beat", "relay", "worker", "webhooks", "redis", "postgres")
THREADS_A_WEB_WORKER = 4  # one computes while others wait for the database
WORKER_CONCURRENCY = 2  # processes that run tasks


@dataclass(frozen=True, slots=True)
class Options:
    """What the environment says about where to listen and how many processes to run."""

    host: str = "127.0.0.1"
    port: int = 8000
    web_workers: int = 1
    web_threads: int = THREADS_A_WEB_WORKER
    worker_concurrency: int = WORKER_CONCURRENCY
    web_rss_bytes: int = WEB_RSS_BYTES

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Options:
        """Raises InvalidSettingError naming the variable."""
        return cls(
            host=environment.get("HOST") or "127.0.0.1",
            port=_number(environment, "PORT", 8000, PORT_MAXIMUM),
            web_workers=_number(environment, "WEB_WORKERS", len(os.sched_getaffinity(0)), 256),
            web_threads=_number(environment, "WEB_THREADS", THREADS_A_WEB_WORKER, 256),
            web_rss_bytes=_number(environment, "SERVING_RSS_BYTES", WEB_RSS_BYTES, 2**53, least=0),
            worker_concurrency=_number(environment, "WORKER_CONCURRENCY", WORKER_CONCURRENCY, 256),
        )

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def url(self) -> str:
        """Where this machine reaches the web server."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared with, not bound to
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def web(state: StateDirectory, options: Options, environment: Mapping[str, str]) -> Child:
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"),
        *("--host", options.host, "--port", str(options.port)),
        *("--workers", str(options.web_workers), "--blocking-threads", str(options.web_threads)),
        # The interval is the head start of a worker that takes the place of one that still runs;
        # one that has died is replaced at once.
        *("--respawn-failed-workers", "--respawn-interval", str(WEB_START_SECONDS)),
        *("--workers-kill-timeout", str(WEB_KILL_SECONDS), "--log-level", "warning"),
        *_memory_limit(options),
        "config.wsgi:application",
    ]
    metrics = state.root / "metrics"
    own = {"PROMETHEUS_MULTIPROC_DIR": str(metrics), "WEB_THREADS": str(options.web_threads)}
    child = _child("web", command, state, {**environment, **own})
    child.before_start = lambda: make_empty(metrics)
    return child


def _memory_limit(options: Options) -> list[str]:
    """Have a worker with too much memory replaced: the next starts first, one after the other."""
    if not options.web_rss_bytes:
        return []
    return [
        *("--workers-max-rss", str(-(-options.web_rss_bytes // MEBIBYTE))),
        *("--rss-sample-interval", str(WEB_RSS_SECONDS), "--rss-samples", str(WEB_RSS_SAMPLES)),
    ]


def make_empty(folder: Path) -> None:
    """The counters of processes that are gone must not be added to the new ones'."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)


def relay(state: StateDirectory, environment: Mapping[str, str]) -> Child:
    return _child("relay", manage("relay_outbox"), state, environment)


def webhooks(state: StateDirectory, environment: Mapping[str, str]) -> Child:
    return _child("webhooks", manage("deliver_webhooks"), state, environment)


def worker(state: StateDirectory, options: Options, environment: Mapping[str, str]) -> Child:
    command = [
        *(sys.executable, "-m", "celery", "--quiet", "--app", "config", "worker"),
        *("--queues", QUEUES, "--concurrency", str(options.worker_concurrency)),
        *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
        # Several platforms on one machine must not take each other for the same worker.
        *("--hostname", f"worker-{options.port}@%h"),
    ]
    return _child("worker", command, state, environment)


def beat(state: StateDirectory, environment: Mapping[str, str]) -> Child:
    command = [
        *(
            sys.executable,
            "-m",
            "celery",
            "--quiet",
            "--app",
            "config",
            "beat",
            "--loglevel",
            "WARNING",
        ),
        *("--schedule", str(state.root / "beat-schedule"), "--pidfile", ""),
    ]
    return _child("beat", command, state, environment)


def manage(*arguments: str) -> list[str]:
    """One of Django's commands, as an argument list."""
    return [sys.executable, str(checkout() / "manage.py"), *arguments]


def command(
    name: str,
    arguments: Sequence[str],
    state: StateDirectory,
    environment: Mapping[str, str],
    *,
    on_terminal: bool = False,
) -> Child:
    """A command that runs once; `on_terminal`: it draws its progress there itself."""
    child = _child(name, manage(*arguments), state, environment)
    child.on_terminal = on_terminal
    return child


def _child(
    name: str, command: list[str], state: StateDirectory, environment: Mapping[str, str]
) -> Child:
    return Child(
        name=name,
        command=command,
        log=_log(state, name),
        environment=environment,
        directory=checkout(),
        stop_signal=signal.SIGTERM,
        grace=GRACE.get(name, 10.0),
    )


def _log(state: StateDirectory, name: str) -> Path:
    return state.logs / f"{name}.log"


def _number(
    environment: Mapping[str, str], name: str, default: int, maximum: int, *, least: int = 1
) -> int:
    text = environment.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= maximum:
        raise InvalidSettingError(
            f"{name} must be a whole number from {least} to {maximum}, not {text!r}."
        )
    return int(text)
