"""Rows enter the outbox with the caller's transaction, in sequence, with their cause."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from core.ids import uuid7
from core.models import OutboxEvent
from core.observability.request_id import RequestContext, bind
from core.outbox import Event, NotInTransactionError, first_event, insertion, publish
from core.tasks import enqueue

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def happened(object_id: str = "7", **data: object) -> Event:
    return Event("model.renamed", "model", object_id, data)


def make_with(event: str) -> None:
    """A statement that makes an object, and announces it by what the database gave it."""
    completed = "jsonb_set(%s::jsonb, '{payload,number}', to_jsonb(made.number))"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH made AS (SELECT 42 AS number) {insertion(completed, source='made')}",
            [event],
        )


class TestPublish:
    @pytest.mark.django_db
    def test_stores_the_whole_envelope(self):
        actor, account, application = uuid7(), uuid7(), uuid7()
        event = Event(
            "model.renamed",
            "model",
            "7",
            {"at": UUID(int=1)},
            actor_id=actor,
            account_id=account,
            application_id=application,
            schema_version=3,
        )

        with bind(RequestContext("req_1", traceparent=TRACE)):
            event_id = publish(event)

        row = OutboxEvent.objects.get()
        assert row.id == event_id
        assert (row.kind, row.type, row.object_type, row.object_id) == (
            "event",
            "model.renamed",
            "model",
            "7",
        )
        assert (row.sequence, row.schema_version) == (1, 3)
        assert row.payload == {"at": "00000000-0000-0000-0000-000000000001"}
        assert (row.actor_id, row.account_id, row.application_id) == (actor, account, application)
        assert row.is_public is False
        assert (row.request_id, row.traceparent) == ("req_1", TRACE)
        assert (row.published_at, row.attempts, row.last_error) == (None, 0, "")

    @pytest.mark.django_db
    def test_counts_per_object_and_kind(self):
        publish(happened("7"))
        publish(happened("8"))
        publish(happened("7"))
        enqueue("core.purge_outbox", about=("model", "7"))

        rows = OutboxEvent.objects.order_by("position").values_list("kind", "object_id", "sequence")

        assert list(rows) == [
            ("event", "7", 1),
            ("event", "8", 1),
            ("event", "7", 2),
            ("task", "7", 1),
        ]

    @pytest.mark.django_db
    def test_of_an_object_just_made_costs_one_statement_and_begins_its_sequence(
        self, django_assert_num_queries
    ):
        with django_assert_num_queries(1):
            make_with(first_event(happened()))
        publish(happened())

        rows = OutboxEvent.objects.order_by("position").values_list("sequence", "payload")
        assert [*rows] == [(1, {"number": 42}), (2, {})]

    @pytest.mark.django_db
    def test_is_not_the_first_twice(self):
        publish(happened())

        with pytest.raises(IntegrityError), transaction.atomic():
            make_with(first_event(happened()))

    @pytest.mark.django_db(transaction=True)
    def test_is_refused_outside_a_transaction(self):
        with pytest.raises(NotInTransactionError, match=r"model\.renamed"):
            publish(happened())

        assert not OutboxEvent.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_leaves_nothing_when_the_transaction_fails(self):
        @transaction.atomic
        def fail_after_it() -> None:
            publish(happened())
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_after_it()

        assert not OutboxEvent.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_threads_about_one_object_make_a_gapless_sequence_in_order_of_commit(self):
        def announce(worker: int) -> None:
            for number in range(10):
                with transaction.atomic():
                    publish(happened("7", worker=worker, number=number))
            connection.close()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(announce, range(8)))

        rows = list(OutboxEvent.objects.order_by("position"))
        assert [row.sequence for row in rows] == list(range(1, 81))
        for worker in range(8):
            mine = [row.payload["number"] for row in rows if row.payload["worker"] == worker]
            assert mine == list(range(10))

    @pytest.mark.django_db
    def test_the_database_refuses_a_second_row_of_one_number(self):
        publish(happened())
        twin = OutboxEvent(kind="event", type="x", object_type="model", object_id="7", sequence=1)

        with (
            pytest.raises(IntegrityError, match="outbox_sequence_per_object"),
            transaction.atomic(),
        ):
            twin.save()


class TestEnqueue:
    @pytest.mark.django_db
    def test_stores_name_arguments_and_cause(self):
        with bind(RequestContext("req_2")):
            enqueue("core.purge_outbox", batch_id="b1", chunk_id="c1")

        row = OutboxEvent.objects.get()
        assert (row.kind, row.type) == ("task", "core.purge_outbox")
        assert row.payload == {"batch_id": "b1", "chunk_id": "c1"}
        assert (row.object_type, row.object_id, row.sequence) == ("task", str(row.id), 1)
        assert row.request_id == "req_2"

    @pytest.mark.django_db
    def test_without_an_object_costs_one_statement(self, django_assert_num_queries):
        with django_assert_num_queries(1):
            enqueue("core.purge_outbox")

    @pytest.mark.django_db(transaction=True)
    def test_is_refused_outside_a_transaction(self):
        with pytest.raises(NotInTransactionError):
            enqueue("core.purge_outbox")

        assert not OutboxEvent.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_without_an_object_does_not_wait_for_others(self):
        def enqueue_elsewhere() -> int:
            with transaction.atomic():
                enqueue("core.purge_outbox")
            count = OutboxEvent.objects.count()
            connection.close()
            return count

        with transaction.atomic(), ThreadPoolExecutor(1) as pool:
            enqueue("core.purge_outbox")
            assert pool.submit(enqueue_elsewhere).result(timeout=5) == 1
