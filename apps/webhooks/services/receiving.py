"""Events on their way out of the outbox: into the log, and to whoever wants to hear of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models.functions import Now

from apps.webhooks.models import EventRecord
from apps.webhooks.services.fanout import fan_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.outbox import Envelope


def receive_events(envelopes: Sequence[Envelope]) -> None:
    """Write events into the log and out to endpoints; for settings.OUTBOX_SUBSCRIBERS.

    In the transaction of the relay's one leader, so the log's positions are in the order of its
    commits. An event that is nobody's and not public stays inside. One that comes again changes
    nothing.
    """
    heard_of = [each for each in envelopes if each.account_id is not None or each.is_public]
    if heard_of:
        fan_out(_record(heard_of))


def _record(envelopes: Sequence[Envelope]) -> list[EventRecord]:
    """The events' rows in the log, in the order of the log.

    One that has its row already keeps it, and with it its position: whoever has read the log there
    need not look again.
    """
    EventRecord.objects.bulk_create(map(_row, envelopes), ignore_conflicts=True)
    rows = EventRecord.objects.filter(id__in=[each.id for each in envelopes])
    return list(rows.order_by("position"))


def _row(envelope: Envelope) -> EventRecord:
    return EventRecord(
        id=envelope.id,
        type=envelope.type,
        object_type=envelope.object_type,
        object_id=envelope.object_id,
        sequence=envelope.sequence,
        schema_version=envelope.schema_version,
        data=envelope.data,
        account_id=envelope.account_id,
        application_id=envelope.application_id,
        request_id=envelope.request_id,
        occurred_at=envelope.created_at,
        recorded_at=Now(),
    )
