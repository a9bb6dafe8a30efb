"""Writing to the outbox: an event to announce or a task to run, in the caller's transaction."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from core.db.locks import lock_name
from core.db.prepared import Prepared
from core.ids import uuid7
from core.limits import EVENT_DATA_MAX
from core.outbox.catalogue import event_type_called
from core.outbox.errors import EventMisfitError, EventTooLargeError, NotInTransactionError
from core.outbox.rows import insertion, row_of_event, row_of_task

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from core.outbox.messages import Event

logger = logging.getLogger(__name__)

# Nearly every write of the platform runs this. Where it counts, its snapshot must be younger than
# the lock, which is a statement before it.
INSERT: Final = Prepared("core_outbox_insert", ("jsonb",), f"{insertion('$1')} RETURNING position")


def publish(event: Event) -> UUID:
    """Announce an event when the caller's transaction commits; its id.

    Waits for another transaction that has announced something about the same object and has not
    ended: the sequence is the order of commits.

    Args:
        event: of a declared type.

    Raises:
        NotInTransactionError: there is no transaction to belong to.
        EventTooLargeError: its data would not fit into a webhook.
        EventMisfitError: it is not as its type is declared; in production that is logged instead.
        OperationalError: that other transaction took longer than lock_timeout.
    """
    check(event)
    lock_name("outbox", "event", event.object_type, event.object_id)
    row_id = uuid7()
    INSERT.rows(row_of_event(event, row_id=row_id, sequence=None))
    return row_id


def first_event(event: Event) -> str:
    """The row of an event about an object that the caller's next statement makes, for `insertion`.

    Nobody else can know the object, so there is nobody to wait for and nothing to count. A
    constraint refuses it where it is not the first.

    Raises:
        NotInTransactionError, EventTooLargeError, EventMisfitError: as `publish`.
    """
    check(event)
    return row_of_event(event, row_id=uuid7(), sequence=1)


def check(event: Event) -> None:
    """Raises what `publish` raises of an event that cannot be announced."""
    refuse_outside_transaction(event.type)
    _check_size(event)
    _check_declared(event)


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
    row_id = uuid7()
    if about is not None:
        lock_name("outbox", "task", *about)
        INSERT.rows(row_of_task(name, arguments, about=about, row_id=row_id, sequence=None))
    else:
        # About itself alone: nothing before it can hold it up, so no lock is needed either.
        itself = ("task", str(row_id))
        INSERT.rows(row_of_task(name, arguments, about=itself, row_id=row_id, sequence=1))
    return row_id


def refuse_outside_transaction(name: str) -> None:
    if not connection.in_atomic_block:
        raise NotInTransactionError(f"{name} was sent outside a transaction.", name=name)
