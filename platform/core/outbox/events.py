"""Writing to the outbox: an event to announce or a task to run, in the caller's transaction."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.models import IntegerField, Max, Subquery, Value
from django.db.models.functions import Coalesce

from core.db.locks import lock_name
from core.ids import uuid7
from core.limits import EVENT_DATA_MAX
from core.models import OutboxEvent
from core.observability.request_id import current
from core.outbox.catalogue import event_type_called
from core.outbox.errors import EventMisfitError, EventTooLargeError, NotInTransactionError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import Expression

    from core.outbox.messages import Event

logger = logging.getLogger(__name__)


def publish(event: Event) -> UUID:
    """Announce an event when the caller's transaction commits; its id.

    Waits for another transaction that has announced something about the same object and has not
    ended: the sequence is the order of commits.

    Raises:
        NotInTransactionError: there is no transaction to belong to.
        EventTooLargeError: its data would not fit into a webhook.
        EventMisfitError: it is not as its type is declared; in production that is logged instead.
        OperationalError: that other transaction took longer than lock_timeout.
    """
    refuse_outside_transaction(event.type)
    _check_size(event)
    _check_declared(event)
    row = OutboxEvent(
        kind=OutboxEvent.Kind.EVENT,
        type=event.type,
        object_type=event.object_type,
        object_id=event.object_id,
        schema_version=event.schema_version,
        payload=dict(event.data),
        actor_id=event.actor_id,
        account_id=event.account_id,
        application_id=event.application_id,
        is_public=event.is_public,
    )
    _insert_in_sequence(row)
    return row.id


def _check_size(event: Event) -> None:
    """As a webhook sends it: in UTF-8, without a space too many."""
    text = json.dumps(
        dict(event.data), cls=DjangoJSONEncoder, separators=(",", ":"), ensure_ascii=False
    )
    size = len(text.encode(errors="surrogatepass"))  # a lone surrogate the database refuses
    if size > EVENT_DATA_MAX:
        raise EventTooLargeError(
            f"The data of {event.type} has {size} bytes; {EVENT_DATA_MAX} are allowed.",
            name=event.type,
            size=size,
        )


def _check_declared(event: Event) -> None:
    declared = event_type_called(event.type)
    fault = "no app declares it" if declared is None else declared.fault_in(event)
    if not fault:
        return
    error = EventMisfitError(f"{event.type} is not as declared: {fault}.", name=event.type)
    if settings.OUTBOX_REFUSES_MISFITS:
        raise error
    # The caller's work is right, its announcement alone is odd: no reason to undo the work.
    logger.error("%s", error.detail)


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
