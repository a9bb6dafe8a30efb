"""`manage.py deliver_webhooks` as a process: killed, stopped, cut off from its database."""

import time

import pytest

from embedded.processes import alive
from tests.harness.receiver import Receiver

pytestmark = pytest.mark.processes

LEASE_SECONDS = 3


@pytest.fixture
def receiver(tmp_path):
    with Receiver(tmp_path / "receiver") as running:
        yield running


@pytest.fixture
def cluster(platform):
    platform._settings.update(ALLOW_LOOPBACK_TARGETS="1", WEBHOOK_LEASE_SECONDS=str(LEASE_SECONDS))
    return platform


MAKE = """
import sys
from django.utils import timezone
from apps.accounts.models import User
from apps.developers.models import Application
from apps.webhooks.models import Delivery, EndpointHealth, WebhookEndpoint
from apps.webhooks.services.secrets import make_signing_secret, seal_secret
from core.ids import uuid7
owner = User.objects.get(username="demo")
application, _ = Application.objects.get_or_create(owner=owner, name="Receiver")
endpoint = WebhookEndpoint.objects.create(
    application=application, url={url!r}, event_types=["*"],
    secret=seal_secret(make_signing_secret()))
EndpointHealth.objects.create(endpoint=endpoint, is_trusted=True)
Delivery.objects.bulk_create(
    Delivery(endpoint=endpoint, event_id=uuid7(), event_position=number, event_type="thing.done",
             object_key=f"thing:{{number % {objects}}}", body='{{"number":%d}}' % number,
             next_attempt_at=timezone.now())
    for number in range(1, {count} + 1))
"""


def make_deliveries(platform, url, *, count, objects):
    """Through a process of the platform's own: it has the key that seals secrets."""
    script = MAKE.format(url=url, count=count, objects=objects)
    platform.manage("shell", "-v0", "-c", script)


def states(platform):
    rows = platform.sql("SELECT state, count(*) FROM webhooks_delivery GROUP BY state")
    return dict(rows)


def is_done(platform, count):
    return states(platform) == {"succeeded": count}


def numbers(receiver, path):
    """What has arrived, without repetitions, in the order of first arrivals."""
    return list(dict.fromkeys(int(r.body[10:-1]) for r in receiver.received(path)))


def assert_all_in_order(arrived, *, count, objects):
    assert sorted(arrived) == list(range(1, count + 1))
    for remainder in range(objects):
        of_object = [number for number in arrived if number % objects == remainder]
        assert of_object == sorted(of_object)


def test_it_delivers_and_stops_when_told(cluster, receiver):
    make_deliveries(cluster, receiver.url("ok/a"), count=60, objects=6)
    cluster.start("webhooks")
    assert cluster.wait_until(lambda: is_done(cluster, 60), seconds=30), cluster.log("webhooks")

    begun = time.monotonic()
    assert cluster.stop("webhooks")
    assert time.monotonic() - begun < 3

    assert_all_in_order(numbers(receiver, "ok/a"), count=60, objects=6)


def test_told_to_stop_it_lets_a_call_end_and_writes_it_down(cluster, receiver):
    make_deliveries(cluster, receiver.url("slow:2/a"), count=1, objects=1)
    cluster.start("webhooks")
    assert cluster.wait_until(lambda: receiver.received("slow:2/a"), seconds=30)
    assert cluster.stop("webhooks")
    assert is_done(cluster, 1)


def test_what_a_killed_one_had_in_hand_is_sent_again_by_another(cluster, receiver):
    make_deliveries(cluster, receiver.url("ok/a"), count=400, objects=20)
    cluster.start("webhooks", "webhooks:2")
    for _ in range(3):
        before = len(receiver.received("ok/a"))
        assert cluster.wait_until(
            lambda n=before: len(receiver.received("ok/a")) > n, seconds=30
        ), cluster.log("webhooks")
        pid = cluster.pid("webhooks")
        cluster.kill("webhooks")
        assert not alive(pid)
        cluster.start("webhooks")

    assert cluster.wait_until(lambda: is_done(cluster, 400), seconds=60), states(cluster)

    assert_all_in_order(numbers(receiver, "ok/a"), count=400, objects=20)


def test_it_survives_the_restart_of_its_database(cluster, receiver):
    make_deliveries(cluster, receiver.url("ok/a"), count=400, objects=20)
    cluster.start("webhooks")
    assert cluster.wait_until(lambda: receiver.received("ok/a"), seconds=30)
    pid = cluster.pid("webhooks")
    cluster.kill("postgres")
    assert cluster.wait_until(lambda: "The database is away" in cluster.log("webhooks"), seconds=10)
    cluster.start("postgres")

    assert cluster.wait_until(lambda: is_done(cluster, 400), seconds=60), cluster.log("webhooks")

    assert cluster.pid("webhooks") == pid
    assert_all_in_order(numbers(receiver, "ok/a"), count=400, objects=20)
