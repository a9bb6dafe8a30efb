"""Writing to the outbox: an event to announce or a task to run, in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import IntegerField, Max, Subquery, Value
from django.db.models.functions import Coalesce

from core.db.locks import lock_name
from core.ids import uuid7
from core.models import OutboxEvent
from core.observability.request_id import current
from core.outbox.errors import NotInTransactionError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from django.db.models import Expression


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened to one object and that others may want to know.

    Attributes:
        type: name for life, e.g. "batch_prediction.succeeded".
        object_type: e.g. "batch_prediction".
        object_id: its id as text.
        data: JSON; what receivers get. Its shape belongs to `schema_version`.
        actor_id: the user who caused it; None: the system.
        application_id: the application that called, if one did.
        schema_version: of `data`; moves when a member changes its meaning or goes away.
    """

    type: str
    object_type: str
    object_id: str
    data: Mapping[str, object]
    actor_id: UUID | None = None
    application_id: UUID | None = None
    schema_version: int = 1


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a subscriber receives: the event with its id, its place among its object's, its cause.

    `id` is the same at every delivery, so a receiver can drop what it has seen; `sequence` counts
    1, 2, 3 ... per object, so it can notice what it has not.
    """

    id: UUID
    type: str
    object_type: str
    object_id: str
    sequence: int
    schema_version: int
    data: Mapping[str, object]
    actor_id: UUID | None
    application_id: UUID | None
    request_id: str
    traceparent: str
    created_at: datetime

    @classmethod
    def of(cls, row: OutboxEvent) -> Envelope:
        return cls(
            id=row.id,
            type=row.type,
            object_type=row.object_type,
            object_id=row.object_id,
            sequence=row.sequence,
            schema_version=row.schema_version,
            data=row.payload,
            actor_id=row.actor_id,
            application_id=row.application_id,
            request_id=row.request_id,
            traceparent=row.traceparent,
            created_at=row.created_at,
        )


def publish(event: Event) -> UUID:
    """Announce an event when the caller's transaction commits; its id.

    Waits for another transaction that has announced something about the same object and has not
    ended: the sequence is the order of commits.

    Raises:
        NotInTransactionError: there is no transaction to belong to.
        OperationalError: that other transaction took longer than lock_timeout.
    """
    refuse_outside_transaction(event.type)
    row = OutboxEvent(
        kind=OutboxEvent.Kind.EVENT,
        type=event.type,
        object_type=event.object_type,
        object_id=event.object_id,
        schema_version=event.schema_version,
        payload=dict(event.data),
        actor_id=event.actor_id,
        application_id=event.application_id,
    )
    _insert_in_sequence(row)
    return row.id


def send_task(name: str, arguments: Mapping[str, str], *, about: tuple[str, str] | None) -> UUID:
    """Have a task run when the caller's transaction commits; the id of its row and message.

    Args:
        name: as registered with Celery.
        arguments: keyword arguments of the task: ids, never data.
        about: (type, id) of an object whose tasks must leave in order; None: no order is kept.

    Raises:
        NotInTransactionError: there is no transaction to belong to.
    """
    refuse_outside_transaction(name)
    row = OutboxEvent(kind=OutboxEvent.Kind.TASK, type=name, payload=dict(arguments))
    if about is not None:
        row.object_type, row.object_id = about
        _insert_in_sequence(row)
    else:
        # About itself alone: nothing before it can hold it up, so no lock is needed either.
        row.id = uuid7()
        row.object_type, row.object_id, row.sequence = "task", str(row.id), 1
        _insert(row)
    return row.id


def refuse_outside_transaction(name: str) -> None:
    if not connection.in_atomic_block:
        raise NotInTransactionError(f"{name} was sent outside a transaction.", name=name)


def _insert_in_sequence(row: OutboxEvent) -> None:
    lock_name("outbox", row.kind, row.object_type, row.object_id)
    # A statement of its own: its snapshot must be younger than the lock.
    row.sequence = _next_sequence(row)
    _insert(row)


def _next_sequence(row: OutboxEvent) -> Expression:
    last = (
        OutboxEvent.objects.filter(
            kind=row.kind, object_type=row.object_type, object_id=row.object_id
        )
        .order_by()
        .values("object_id")
        .annotate(last=Max("sequence"))
        .values("last")
    )
    return Coalesce(Subquery(last), Value(0), output_field=IntegerField()) + Value(1)


def _insert(row: OutboxEvent) -> None:
    context = current()
    row.request_id, row.traceparent = context.request_id, context.traceparent
    row.save(force_insert=True)
