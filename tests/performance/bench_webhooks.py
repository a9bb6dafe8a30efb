"""`make bench-webhooks`: deliveries of one process, beside a bare loop of POSTs without any log.

A platform of its own (PostgreSQL, relay, one delivering process) calls a receiver on loopback:
docs/subsystems/performance.md says what is compared and what it came to.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from embedded.network import free_port  # noqa: E402 - after the path
from tests.harness.cluster import Platform  # noqa: E402
from tests.harness.receiver import make_certificate  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

ENDPOINTS = 50
PAUSE = 0.2  # seconds between two events: with 51 endpoints, 255 deliveries a second at most
TICKS = os.sysconf("SC_CLK_TCK")
BODY = json.dumps({"type": "thing.done", "data": {"text": "x" * 700}})

# Run inside the platform, which has the keys: endpoints on one URL, trusted ones, and deliveries.
MAKE = """
from django.db import transaction
from django.utils import timezone
from apps.accounts.models import User
from apps.developers.models import Application
from apps.webhooks.models import Delivery, EndpointHealth, WebhookEndpoint
from apps.webhooks.services.secrets import make_signing_secret, seal_secret
from core.ids import uuid7
owner = User.objects.get(username="demo")
application, _ = Application.objects.get_or_create(owner=owner, name={name!r})
rows = WebhookEndpoint.objects.bulk_create(
    WebhookEndpoint(application=application, url={url!r} + str(number), event_types={types!r},
                    secret=seal_secret(make_signing_secret())) for number in range({endpoints}))
EndpointHealth.objects.bulk_create(EndpointHealth(endpoint=row, is_trusted=True) for row in rows)
with transaction.atomic():
    for start in range(0, {count}, 2000):
        Delivery.objects.bulk_create(
            Delivery(endpoint=rows[number % {endpoints}], event_id=uuid7(), event_position=number,
                     event_type="thing.done", object_key=f"thing:{{number}}", body={body!r},
                     next_attempt_at=timezone.now())
            for number in range(start, min(start + 2000, {count})))
"""

# Events at a steady pace, each about an object of its own, through outbox, relay and log.
PUBLISH = """
import time
from django.db import transaction
from apps.accounts.models import User
from apps.developers.models import Application
from apps.webhooks.events import ENDPOINT_DISABLED
from core.ids import uuid7
from core.outbox import publish
owner = User.objects.get(username="demo")
application = Application.objects.get(owner=owner, name={name!r})
data = {{"application_id": str(application.pk), "description": "bench", "reason": "owner"}}
for _ in range({count}):
    with transaction.atomic():
        publish(ENDPOINT_DISABLED.about(
            uuid7(), data, account_id=owner.pk, application_id=application.pk))
    time.sleep({pause})
"""


class Sink:
    """The receiver's process."""

    def __init__(self, folder: Path) -> None:
        self.http, self.https = free_port(), free_port()
        self.certificate, key = make_certificate(folder)
        ports = (str(self.http), str(self.https))
        script = Path(__file__).with_name("webhook_sink.py")
        command = [sys.executable, str(script), *ports, str(self.certificate), str(key)]
        self.process = subprocess.Popen(command)

    def url(self, path: str, *, secure: bool = False) -> str:
        if secure:
            return f"https://127.0.0.1:{self.https}/{path}/"
        return f"http://127.0.0.1:{self.http}/{path}/"

    def come(self) -> list[tuple[float, str, str]]:
        """What has come since the last time."""
        url = f"http://127.0.0.1:{self.http}/"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return [tuple(each) for each in json.load(answer)]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def bare_loop(sink: Sink, count: int, *, secure: bool) -> tuple[float, float]:
    """POSTs a second, and CPU milliseconds of one, of a loop that keeps no log and no lease."""
    context = ssl.create_default_context(cafile=str(sink.certificate))
    begun, cpu = time.perf_counter(), time.process_time()
    for number in range(count):
        if secure:
            connection = http.client.HTTPSConnection("127.0.0.1", sink.https, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", sink.http)
        connection.request("POST", f"/ok/{number}", BODY, {"Content-Type": "application/json"})
        connection.getresponse().read()
        connection.close()
    seconds = time.perf_counter() - begun
    sink.come()
    return count / seconds, (time.process_time() - cpu) * 1000 / count


def deliveries(platform: Platform, sink: Sink, count: int, *, secure: bool) -> tuple[float, float]:
    """Deliveries a second from the first to the last arrival, and CPU milliseconds of one."""
    sink.come()
    before = cpu_seconds(platform.pid("webhooks"))
    script = MAKE.format(
        name="Rate",
        url=sink.url("ok", secure=secure),
        types=["none.*"],
        endpoints=ENDPOINTS,
        count=count,
        body=BODY,
    )
    platform.manage("shell", "-v0", "-c", script)
    done = "SELECT count(*) FROM webhooks_delivery WHERE state = 'pending'"
    if not platform.wait_until(lambda: platform.sql(done) == [(0,)], seconds=300):
        raise SystemExit("Not everything was delivered: " + platform.log("webhooks")[-2000:])
    arrivals = sorted(at for at, *_ in sink.come())
    if len(arrivals) != count:
        raise SystemExit(f"{len(arrivals)} of {count} have come.")
    cpu = cpu_seconds(platform.pid("webhooks")) - before
    return (count - 1) / (arrivals[-1] - arrivals[0]), cpu * 1000 / count


def latencies(platform: Platform, sink: Sink, name: str, count: int) -> list[float]:
    """Milliseconds from publishing in a transaction to arrival, sorted."""
    sink.come()
    platform.manage("shell", "-v0", "-c", PUBLISH.format(name=name, count=count, pause=PAUSE))
    time.sleep(3.0)
    found = [
        (at - datetime.fromisoformat(json.loads(body)["timestamp"]).timestamp()) * 1000
        for at, path, body in sink.come()
        if path.startswith("/ok/")
    ]
    if len(found) != count:
        raise SystemExit(f"{len(found)} of {count} have come.")
    return sorted(found)


def hear_of(platform: Platform, name: str, url: str, *, endpoints: int) -> None:
    script = MAKE.format(name=name, url=url, types=["*"], endpoints=endpoints, count=0, body="")
    platform.manage("shell", "-v0", "-c", script)


def share(values: Sequence[float], part: float) -> float:
    return values[min(len(values) - 1, int(len(values) * part))]


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-webhooks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of rates (5)")
    parser.add_argument("--count", type=int, default=3_000, help="deliveries of a round (3000)")
    parser.add_argument("--events", type=int, default=100, help="for latencies (100)")
    parser.add_argument("--short", action="store_true", help="little of everything: does it work?")
    return parser.parse_args(given)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def rates(platform: Platform, sink: Sink, rounds: int, count: int) -> None:
    for secure in (False, True):
        found: list[tuple[float, ...]] = []
        for _ in range(rounds):
            bare = bare_loop(sink, count // 3, secure=secure)
            found.append((*deliveries(platform, sink, count, secure=secure), *bare))
        rate, cpu, bare_rate, bare_cpu = map(statistics.median, zip(*found, strict=True))
        ratio = statistics.median(each[0] / each[2] for each in found)
        say(
            f"{'https' if secure else 'http '}: {rate:6.0f} deliveries/s, {cpu:.2f} CPU ms each;"
            f" bare loop {bare_rate:6.0f} POSTs/s, {bare_cpu:.2f} CPU ms each; ratio {ratio:.2f}"
        )


def waits(platform: Platform, sink: Sink, events: int) -> None:
    """Latencies of one endpoint: alone, beside others that answer, beside others that hang."""
    hear_of(platform, "Latency", sink.url("ok"), endpoints=1)
    for others in ("", "answer", "hang"):
        if others:
            hear_of(platform, "Latency", sink.url(others), endpoints=ENDPOINTS)
        found = latencies(platform, sink, "Latency", events)
        beside = f"beside {ENDPOINTS} that {others}" if others else "alone"
        say(
            f"published to received, {beside}: p50 {share(found, 0.5):.0f} ms,"
            f" p99 {share(found, 0.99):.0f} ms, most {found[-1]:.0f} ms"
        )
        # What is left for them waits, and costs nothing.
        gone = "UPDATE webhooks_webhookendpoint SET deleted_at = now() WHERE url LIKE %s"
        platform.sql(gone, (f"%/{others or 'nothing'}/%",))


def main(given: Sequence[str]) -> int:
    chosen = arguments(given)
    rounds, count, events = chosen.rounds, chosen.count, chosen.events
    if chosen.short:
        rounds, count, events = 1, 300, 20
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sink = Sink(folder)
        stack.callback(sink.process.kill)
        trusting = {"ALLOW_LOOPBACK_TARGETS": "1", "SSL_CERT_FILE": str(sink.certificate)}
        platform = stack.enter_context(Platform(folder / "state", settings=trusting))
        platform.manage("migrate", "--no-input")
        platform.manage("seed")
        platform.start("relay", "webhooks")
        rates(platform, sink, rounds, count)
        waits(platform, sink, events)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
