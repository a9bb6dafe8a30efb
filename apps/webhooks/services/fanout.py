"""From an event in the log to one delivery for each endpoint that wants to hear of it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from django.db.models import Q
from django.db.models.functions import Now

from apps.webhooks.models import Delivery, WebhookEndpoint
from apps.webhooks.services.bodies import Content, body_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from apps.webhooks.models import EventRecord

    Listener = tuple[UUID, UUID, list[str]]  # endpoint, its application, what it asked for

ROWS: Final = 500  # deliveries of one INSERT


def fan_out(records: Sequence[EventRecord]) -> int:
    """Make the deliveries of events, in the caller's transaction; how many.

    The endpoints of the application concerned hear of an event, of a public one everybody's; an
    event of a person's alone goes to none. Safe to repeat: what is there stays.

    Args:
        records: in the order of the log, stored in this transaction by the one relay that leads.
    """
    listeners = _listeners(records)
    deliveries = _deliveries(records, listeners)
    made = 0
    while batch := list(islice(deliveries, ROWS)):
        Delivery.objects.bulk_create(batch, ignore_conflicts=True)
        made += len(batch)
    return made


def _listeners(records: Sequence[EventRecord]) -> list[Listener]:
    """The endpoints that are on and may have asked for any of these: one statement for all."""
    concerned = {record.application_id for record in records} - {None}
    is_heard_by_all = any(record.account_id is None for record in records)
    if not (concerned or is_heard_by_all):
        return []
    wanted = {pattern for record in records for pattern in _patterns(record)}
    rows = WebhookEndpoint.objects.filter(
        Q() if is_heard_by_all else Q(application__in=concerned),
        status=WebhookEndpoint.Status.ENABLED,
        deleted_at=None,
        event_types__overlap=sorted(wanted),
    )
    return list(rows.values_list("pk", "application_id", "event_types"))


def _deliveries(
    records: Sequence[EventRecord], listeners: Sequence[Listener]
) -> Iterator[Delivery]:
    for record in records:
        patterns = _patterns(record)
        heard_by = [
            endpoint
            for endpoint, application, asked_for in listeners
            if record.account_id is None or record.application_id == application
            if not patterns.isdisjoint(asked_for)
        ]
        if heard_by:
            body = body_of(_content(record))
            yield from (_delivery(record, endpoint, body) for endpoint in heard_by)


def _patterns(record: EventRecord) -> frozenset[str]:
    """What an endpoint may have asked for to hear of an event: its type, its family, or all."""
    family, _, _ = record.type.rpartition(".")
    return frozenset({record.type, f"{family}.*", "*"})


def _content(record: EventRecord) -> Content:
    return Content(
        type=record.type,
        object_type=record.object_type,
        object_id=record.object_id,
        sequence=record.sequence,
        schema_version=record.schema_version,
        data=record.data,
        request_id=record.request_id,
        occurred_at=record.occurred_at,
    )


def _delivery(record: EventRecord, endpoint_id: UUID, body: str) -> Delivery:
    return Delivery(
        endpoint_id=endpoint_id,
        event_id=record.id,
        event_position=record.position,
        event_type=record.type,
        object_key=f"{record.object_type}:{record.object_id}",
        body=body,
        request_id=record.request_id,
        next_attempt_at=Now(),
    )
