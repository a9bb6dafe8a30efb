"""Relay and worker as processes of their own: work arrives, and survives what is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from core.models import OutboxEvent
from core.observability.request_id import RequestContext, bind
from core.tasks import enqueue
from embedded.redis import Redis
from embedded.state import StateDirectory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 60.0  # a process has to import everything, on a busy machine
STOP_SECONDS = 2.0  # promised


@pytest.fixture
def own_redis(tmp_path):
    """A broker of this test's own, to stop and start."""
    state = StateDirectory(tmp_path / "state")
    state.open()
    redis = Redis(state, durable=False)
    redis.start(lambda _progress: None)
    yield redis
    redis.child.stop(grace=5.0)


@pytest.fixture
def start(own_redis, tmp_path):
    """`start("relay_outbox")`: a manage.py command on the test's database; killed with the test."""
    processes = []

    def run(*command: str) -> Process:
        process = Process(command, environment(own_redis), tmp_path / f"{len(processes)}.log")
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.end()


def environment(redis: Redis) -> dict[str, str]:
    database = connection.settings_dict
    password = quote(database["PASSWORD"], safe="")
    url = (
        f"postgresql://{database['USER']}:{password}"
        f"@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    )
    return {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}",
        "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE,
        "DATABASE_URL": url,
        "REDIS_URL": redis.url(),
    }


class Process:
    """A child in a process group of its own, its output in a file."""

    def __init__(self, command, variables, log: Path) -> None:
        self.log = log
        with log.open("wb") as output:
            self.child = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=variables,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def says(self, words: str) -> bool:
        assert self.child.poll() is None, self.log.read_text()
        return words in self.log.read_text()

    def lines(self) -> list[dict]:
        text = self.log.read_text().splitlines()
        return [json.loads(line) for line in text if line.startswith("{")]

    def stop(self) -> float:
        """SIGTERM; the seconds it took to end with exit code 0."""
        started = time.monotonic()
        self.child.send_signal(signal.SIGTERM)
        assert self.child.wait(30) == 0, self.log.read_text()
        return time.monotonic() - started

    def kill(self) -> None:
        self.child.kill()
        self.child.wait()

    def end(self) -> None:
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            self.child.wait()


def wait_until(condition, *, seconds: float = START_SECONDS) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "It did not happen in time."
        time.sleep(0.05)


def send(**ids: str) -> None:
    with transaction.atomic():
        enqueue("core.purge_outbox", **ids)


def waiting() -> int:
    return OutboxEvent.objects.filter(published_at=None).count()


class TestRelayProcess:
    def test_hands_work_to_a_worker_which_knows_its_cause(self, start):
        relay = start("manage.py", "relay_outbox")
        worker = start("-m", "celery", "-A", "config", "worker", "-Q", "maintenance", "-P", "solo")
        long_ago = timezone.now() - timedelta(days=40)
        with transaction.atomic():
            enqueue("core.purge_outbox")
            OutboxEvent.objects.update(published_at=long_ago)
        with bind(RequestContext("req_cause")):
            send()
        task_id = str(OutboxEvent.objects.get(published_at=None).id)

        wait_until(lambda: "Purged 1 outbox rows" in worker.log.read_text())

        lines = [line for line in worker.lines() if line.get("task_id") == task_id]
        assert [(line["request_id"], line["message"]) for line in lines] == [
            ("req_cause", "Purged 1 outbox rows.")
        ]
        assert relay.stop() < STOP_SECONDS

    def test_goes_on_after_the_broker_was_away(self, start, own_redis):
        relay = start("manage.py", "relay_outbox")
        send()
        wait_until(lambda: waiting() == 0)

        own_redis.child.stop(grace=5.0)
        send()
        wait_until(lambda: relay.says("The broker is away"))
        assert waiting() == 1
        own_redis.start(lambda _progress: None)

        wait_until(lambda: waiting() == 0, seconds=10)
        assert relay.says("The broker is back")
        assert OutboxEvent.objects.filter(attempts__gt=0).count() == 0

    def test_one_that_is_killed_is_followed_by_the_one_that_stands_by(self, start):
        leader = start("manage.py", "relay_outbox")
        wait_until(lambda: leader.says("The relay leads"))
        second = start("manage.py", "relay_outbox")
        wait_until(lambda: second.says("standing by"))

        leader.kill()
        send()

        wait_until(lambda: waiting() == 0, seconds=10)
        assert second.says("The relay leads")

    def test_stops_in_time_though_a_statement_hangs(self, start):
        relay = start("manage.py", "relay_outbox")
        wait_until(lambda: relay.says("The relay leads"))

        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE core_outboxevent IN ACCESS EXCLUSIVE MODE")
            time.sleep(0.5)
            assert relay.stop() < STOP_SECONDS
