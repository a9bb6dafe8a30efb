"""What the relay publishes, in which order, and what it does about rows and parts that fail."""

import threading
import time
from datetime import timedelta

import pytest
from celery import Celery
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from core.models import AuditEntry, OutboxEvent
from core.observability.request_id import RequestContext, bind
from core.outbox import Event, publish
from core.outbox.broker import CeleryBroker
from core.outbox.claims import Backlog, read_backlog
from core.outbox.relay import FAILURES, LAG, PUBLISHED, WAITING, Relay
from core.tasks import enqueue

pytestmark = pytest.mark.django_db(transaction=True)

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def relay(celery_app):
    relay = Relay(broker=CeleryBroker(celery_app), subscribers=())
    yield relay
    relay.close()


def announce(object_id: str, number: int) -> None:
    with transaction.atomic():
        publish(Event("thing.moved", "thing", object_id, {"number": number}))


def send(number: int, *, name: str = "test.note", about: tuple[str, str] | None = None) -> None:
    with transaction.atomic():
        enqueue(name, about=about, number=str(number))


def each(call):
    """A subscriber that calls once an event."""
    return lambda envelopes: [call(envelope) for envelope in envelopes]


def make_due() -> None:
    OutboxEvent.objects.filter(published_at=None).update(next_attempt_at=timezone.now())


def unpublished() -> list[OutboxEvent]:
    return list(OutboxEvent.objects.filter(published_at=None).order_by("position"))


class TestTasks:
    def test_go_to_the_queue_of_their_task_with_id_and_cause(self, relay, queue):
        with bind(RequestContext("req_9", traceparent=TRACE)), transaction.atomic():
            enqueue("test.note", chunk_id="c1")

        assert relay.run_once() == 1

        row = OutboxEvent.objects.get()
        assert queue.kwargs() == [{"chunk_id": "c1"}]
        [headers] = queue.headers()
        assert (headers["id"], headers["task"]) == (str(row.id), "test.note")
        assert (headers["request_id"], headers["traceparent"]) == ("req_9", TRACE)
        assert row.published_at is not None

    def test_leave_in_the_order_of_writing_and_once(self, relay, queue):
        for number in range(30):
            send(number)

        assert relay.run_once() == 30
        assert relay.run_once() == 0
        assert [arguments["number"] for arguments in queue.kwargs()] == [str(n) for n in range(30)]

    def test_a_batch_is_taken_at_a_time(self, celery_app, queue):
        relay = Relay(broker=CeleryBroker(celery_app), subscribers=(), batch=10)
        for number in range(25):
            send(number)

        assert [relay.run_once() for _ in range(4)] == [10, 10, 5, 0]
        assert len(queue.messages()) == 25
        relay.close()

    def test_an_unknown_name_is_kept_with_its_reason_and_the_others_go_on(self, relay, queue):
        send(1, name="nobody.knows")
        send(2)

        assert relay.run_once() == 1

        [stuck] = unpublished()
        assert stuck.type == "nobody.knows"
        assert stuck.attempts == 1
        assert stuck.last_error == "UnknownTaskError: No task is called 'nobody.knows'."
        assert [arguments["number"] for arguments in queue.kwargs()] == ["2"]

    def test_what_waits_behind_a_failing_one_of_its_object_keeps_its_place(
        self, relay, queue, celery_app
    ):
        send(1, name="late.task", about=("thing", "a"))
        send(2, about=("thing", "a"))
        send(3, about=("thing", "b"))

        assert relay.run_once() == 1
        assert relay.run_once() == 0
        assert [arguments["number"] for arguments in queue.kwargs()] == ["3"]

        @celery_app.task(name="late.task", shared=False)
        def late(**_: object) -> None:
            """The release that knows the task has come."""

        make_due()
        assert relay.run_once() == 2
        assert [arguments["number"] for arguments in queue.kwargs()] == ["3", "1", "2"]

    def test_pauses_double_up_to_a_minute(self, relay):
        send(1, name="nobody.knows")
        pauses = []
        for _ in range(9):
            relay.run_once()
            [row] = unpublished()
            pauses.append(round((row.next_attempt_at - timezone.now()).total_seconds()))
            make_due()

        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]

    def test_a_row_backing_off_is_not_tried_before_its_time(self, relay):
        send(1, name="nobody.knows")
        relay.run_once()

        assert relay.run_once() == 0
        assert unpublished()[0].attempts == 1

    def test_an_uncommitted_row_is_not_seen_and_not_skipped_later(self, relay, queue):
        wrote, may_commit = threading.Event(), threading.Event()

        def slow_writer() -> None:
            with transaction.atomic():
                enqueue("test.note", number="early")
                wrote.set()
                may_commit.wait(10)
            connection.close()

        writer = threading.Thread(target=slow_writer)
        writer.start()
        wrote.wait(10)
        send(2)

        assert relay.run_once() == 1
        may_commit.set()
        writer.join()
        assert relay.run_once() == 1
        assert [arguments["number"] for arguments in queue.kwargs()] == ["2", "early"]


class TestBrokerAway:
    @pytest.fixture
    def nowhere(self, celery_app):
        app = Celery("nowhere", broker="redis://127.0.0.1:1/0", set_as_current=False)
        app.conf.broker_transport_options = {"socket_connect_timeout": 2}
        app.tasks["test.note"] = celery_app.tasks["test.note"]
        return app

    def test_blames_no_row_and_events_still_leave(self, nowhere):
        received = []
        relay = Relay(broker=CeleryBroker(nowhere), subscribers=[received.extend])
        send(1)
        announce("a", 2)

        started = time.monotonic()
        assert relay.run_once() == 1
        assert time.monotonic() - started < 1.5

        [row] = unpublished()
        assert (row.kind, row.attempts, row.last_error) == ("task", 0, "")
        assert [envelope.data for envelope in received] == [{"number": 2}]
        relay.close()

    def test_tasks_rest_a_moment_and_leave_once_it_is_back(self, nowhere, celery_app, queue):
        relay = Relay(broker=CeleryBroker(nowhere), subscribers=())
        send(1)
        relay.run_once()

        relay._broker = CeleryBroker(celery_app)
        assert relay.run_once() == 0  # it rests
        time.sleep(0.3)
        assert relay.run_once() == 1
        assert queue.kwargs() == [{"number": "1"}]
        relay.close()

    def test_what_left_before_it_failed_is_not_sent_again(self, celery_app, queue):
        class FailsAfterTwo(CeleryBroker):
            sent = 0

            def send(self, row):
                self.sent += 1
                if self.sent == 3:
                    self._app = Celery("gone", broker="redis://127.0.0.1:1/0", set_as_current=False)
                    self._app.tasks["test.note"] = celery_app.tasks["test.note"]
                    self.close()
                super().send(row)

        relay = Relay(broker=FailsAfterTwo(celery_app), subscribers=())
        for number in range(4):
            send(number)

        assert relay.run_once() == 2
        assert [row.payload["number"] for row in unpublished()] == ["2", "3"]
        assert len(queue.messages()) == 2
        relay.close()


class TestEvents:
    def test_reach_every_subscriber_in_order_per_object_with_their_envelope(self):
        first, second = [], []
        relay = Relay(subscribers=[first.extend, second.extend])
        with bind(RequestContext("req_3")):
            for number in range(6):
                announce("ab"[number % 2], number)

        assert relay.run_once() == 6
        assert first == second
        assert [(e.object_id, e.sequence, e.data["number"]) for e in first] == [
            ("a", 1, 0),
            ("b", 1, 1),
            ("a", 2, 2),
            ("b", 2, 3),
            ("a", 3, 4),
            ("b", 3, 5),
        ]
        assert {(e.type, e.schema_version, e.request_id) for e in first} == {
            ("thing.moved", 1, "req_3")
        }

    def test_come_several_in_one_transaction(self):
        sizes, transactions = [], []

        def note(envelopes) -> None:
            sizes.append(len(envelopes))
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_current_xact_id()::text")
                transactions.append(cursor.fetchone()[0])

        relay = Relay(subscribers=[note, note], group=2)
        for number in range(5):
            announce("a", number)

        assert relay.run_once() == 5

        assert sizes == [2, 2, 2, 2, 1, 1]
        assert transactions[0::2] == transactions[1::2]
        assert len(set(transactions)) == 3

    def test_one_that_fails_among_others_holds_up_its_object_alone(self):
        calls = []

        def fail_for_b(envelopes) -> None:
            calls.append([(e.object_id, e.sequence) for e in envelopes])
            if any(e.object_id == "b" for e in envelopes):
                raise ValueError("no")

        relay = Relay(subscribers=[fail_for_b], group=10)
        for object_id in "abbc":
            announce(object_id, 0)

        assert relay.run_once() == 2

        first, *singles = calls
        assert first == [("a", 1), ("b", 1), ("b", 2), ("c", 1)]
        assert singles == [[("a", 1)], [("b", 1)], [("c", 1)]]
        assert [(row.object_id, row.sequence, row.attempts) for row in unpublished()] == [
            ("b", 1, 1),
            ("b", 2, 0),
        ]

    def test_a_failing_subscriber_undoes_all_of_them_and_holds_up_its_object_alone(self):
        received = []

        def write(envelope) -> None:
            AuditEntry.objects.create(
                action="seen", object_type="thing", object_id=envelope.object_id
            )

        def fail_for_a(envelope) -> None:
            if envelope.object_id == "a":
                raise ValueError("no\x00 good")
            received.append(envelope.data["number"])

        relay = Relay(subscribers=[each(write), each(fail_for_a)])
        announce("a", 1)
        announce("a", 2)
        announce("b", 3)

        assert relay.run_once() == 1
        assert relay.run_once() == 0

        assert received == [3]
        assert list(AuditEntry.objects.values_list("object_id", flat=True)) == ["b"]
        assert [(row.payload["number"], row.attempts) for row in unpublished()] == [(1, 1), (2, 0)]
        assert unpublished()[0].last_error == "ValueError: no good"

    def test_a_statement_that_fails_is_the_rows_fault_not_the_databases(self):
        def break_a_constraint(_envelope) -> None:
            raise OperationalError("canceling statement due to lock timeout")

        relay = Relay(subscribers=[break_a_constraint])
        announce("a", 1)

        assert relay.run_once() == 0
        assert unpublished()[0].attempts == 1

    def test_after_a_failure_the_object_goes_on_where_it_stopped(self):
        received, broken = [], [True]

        def receive(envelope) -> None:
            if broken[0]:
                raise ValueError("not yet")
            received.append(envelope.sequence)

        relay = Relay(subscribers=[each(receive)])
        for number in range(3):
            announce("a", number)
        relay.run_once()
        broken[0] = False
        make_due()

        assert relay.run_once() == 3
        assert received == [1, 2, 3]

    def test_the_databases_loss_passes_through_and_the_row_stays_untouched(self):
        def cut_the_line(_envelope) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        relay = Relay(subscribers=[cut_the_line])
        announce("a", 1)

        with pytest.raises(OperationalError):
            relay.run_once()
        connection.close()

        assert [(row.attempts, row.last_error) for row in unpublished()] == [(0, "")]

    def test_a_failing_task_does_not_hold_up_the_events_of_its_object(self, celery_app):
        received = []
        relay = Relay(broker=CeleryBroker(celery_app), subscribers=[received.extend])
        send(1, name="nobody.knows", about=("thing", "a"))
        announce("a", 2)

        assert relay.run_once() == 1
        assert [envelope.object_id for envelope in received] == ["a"]


@pytest.fixture
def start(celery_app):
    """`start(subscriber)`: a relay in a thread of its own; the event that stops it."""
    running = []

    def run(subscriber) -> threading.Event:
        relay = Relay(broker=CeleryBroker(celery_app), subscribers=[subscriber])
        stop = threading.Event()
        thread = threading.Thread(target=relay.run_forever, args=(stop,))
        thread.start()
        running.append((thread, stop))
        return stop

    yield run
    for _, stop in running:
        stop.set()
    for thread, _ in running:
        thread.join(10)
        assert not thread.is_alive()


def leaders() -> list[int]:
    """Process ids of the sessions that hold a session's lock in this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return [pid for (pid,) in cursor.fetchall()]


class TestLeadership:
    def test_one_of_two_leads_and_the_other_follows_when_it_goes(self, start):
        seen = []
        stop_first = start(each(lambda _: seen.append("first")))
        wait_until(lambda: len(leaders()) == 1)
        start(each(lambda _: seen.append("second")))
        for number in range(5):
            announce("a", number)
        wait_until(lambda: not unpublished())
        assert seen == ["first"] * 5

        stop_first.set()
        announce("a", 5)
        wait_until(lambda: not unpublished())
        assert seen[5:] in (["first"], ["second"])  # it may have been in hand
        announce("a", 6)
        wait_until(lambda: not unpublished())
        assert seen[6:] == ["second"]
        assert len(leaders()) == 1

    def test_a_relay_whose_session_was_killed_comes_back_by_itself(self, start):
        seen = []
        start(each(lambda envelope: seen.append(envelope.sequence)))
        announce("a", 1)
        wait_until(lambda: not unpublished())
        [first] = leaders()

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [first])
        announce("a", 2)
        wait_until(lambda: not unpublished())

        [second] = leaders()
        assert second != first
        assert seen in ([1, 2], [1, 2, 2])  # the kill may fall between the call and its mark


class TestBacklog:
    def test_says_how_many_wait_how_many_fail_and_how_old_the_oldest_is(self, relay):
        announce("a", 1)
        send(2, name="nobody.knows")
        relay.run_once()
        send(3)
        OutboxEvent.objects.filter(attempts=1).update(
            created_at=timezone.now() - timedelta(seconds=90)
        )

        backlog = read_backlog()

        assert (backlog.waiting, backlog.failing) == (2, 1)
        assert 90 <= backlog.lag_seconds < 95

    def test_an_empty_outbox_has_none(self):
        assert read_backlog() == Backlog(waiting=0, failing=0, lag_seconds=0.0)

    def test_is_reported_to_the_metrics(self, celery_app):
        relay = Relay(broker=CeleryBroker(celery_app), subscribers=())
        before = PUBLISHED.labels("task")._value.get(), FAILURES.labels("task")._value.get()
        send(1)
        send(2, name="nobody.knows")

        relay._turn()

        after = PUBLISHED.labels("task")._value.get(), FAILURES.labels("task")._value.get()
        assert (after[0] - before[0], after[1] - before[1]) == (1, 1)
        assert WAITING._value.get() == 1
        assert LAG._value.get() > 0
        relay.close()


class TestStopping:
    def test_stops_between_two_transactions(self):
        stop = threading.Event()
        seen = []

        def stop_at_first(envelope) -> None:
            seen.append(envelope.sequence)
            stop.set()

        relay = Relay(subscribers=[each(stop_at_first)], group=1)
        announce("a", 1)
        announce("a", 2)

        relay.run_forever(stop)

        assert seen == [1]
        assert [row.sequence for row in unpublished()] == [2]


def wait_until(condition, *, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "It did not happen in time."
        time.sleep(0.02)
