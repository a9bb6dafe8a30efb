"""Whoever follows the log misses nothing, however late a transaction commits."""

import threading

import pytest
from django.db import connection, transaction

from apps.ml_models.events import BATCH_QUEUED
from apps.webhooks.models import EventRecord
from core.models import OutboxEvent
from core.outbox import publish
from core.outbox.relay import Relay
from tests.factories.events import NoBroker, announce

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/events"


@pytest.fixture
def relay():
    """A real one, at work in a thread of its own."""
    stop = threading.Event()
    relay = Relay(broker=NoBroker())
    thread = threading.Thread(target=relay.run_forever, args=(stop,))
    thread.start()
    yield relay
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


class Follower:
    """Keeps one URL, as the guide says."""

    def __init__(self, client) -> None:
        self.client = client
        self.url = f"{URL}?limit=2"
        self.seen: list[str] = []

    def look(self) -> list[str]:
        """Read on until a page has nothing more; all that was seen so far."""
        while True:
            answer = self.client.get(self.url)
            assert answer.status_code == 200, answer.content
            page = answer.json()
            self.url = page["next"]
            self.seen += [event["object"]["id"] for event in page["results"]]
            if not page["results"]:
                return self.seen

    def wait_for(self, *expected: str) -> None:
        done = threading.Event()
        for _ in range(200):
            if set(expected) <= set(self.look()):
                return
            done.wait(0.05)
        raise AssertionError(self.seen)


class LateWriter(threading.Thread):
    """Announces an event and commits when told to."""

    def __init__(self, account_id) -> None:
        super().__init__()
        self.account_id = account_id
        self.wrote, self.may_commit = threading.Event(), threading.Event()

    def run(self) -> None:
        with transaction.atomic():
            publish(BATCH_QUEUED.about("late", BATCH_QUEUED.example, account_id=self.account_id))
            self.wrote.set()
            assert self.may_commit.wait(30)
        connection.close()


@pytest.mark.usefixtures("relay")
class TestALateCommit:
    def test_is_read_though_what_was_written_after_it_was_read_before(self, alice, client_of):
        follower = Follower(client_of(alice))
        late = LateWriter(alice.pk)
        late.start()
        assert late.wrote.wait(10)

        announce(BATCH_QUEUED, "early", account_id=alice.pk)
        follower.wait_for("early")
        assert follower.seen == ["early"]

        late.may_commit.set()
        late.join(10)
        follower.wait_for("late")

        assert follower.seen == ["early", "late"]
        # Its number in the outbox is the lower one; that of the log is not.
        written = OutboxEvent.objects.filter(kind="event").order_by("position")
        assert [row.object_id for row in written] == ["late", "early"]
        logged = EventRecord.objects.order_by("position")
        assert [row.object_id for row in logged] == ["early", "late"]

    def test_of_many_writers_is_missed_by_nobody_who_reads_meanwhile(self, alice, client_of):
        follower = Follower(client_of(alice))
        writers = [
            threading.Thread(target=self.write, args=(alice.pk, number)) for number in range(8)
        ]
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            follower.look()
        for writer in writers:
            writer.join()

        expected = [f"{writer}-{number}" for writer in range(8) for number in range(25)]
        follower.wait_for(*expected)

        assert sorted(follower.seen) == sorted(expected)  # each once

    def write(self, account_id, writer: int) -> None:
        for number in range(25):
            announce(BATCH_QUEUED, f"{writer}-{number}", account_id=account_id)
        connection.close()
