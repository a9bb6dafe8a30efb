"""Events and tasks that leave a transaction only if it commits; see docs/subsystems/outbox.md."""

from __future__ import annotations

from core.outbox.catalogue import Audience, EventType, declare, event_types
from core.outbox.errors import NotInTransactionError
from core.outbox.events import first_event, publish
from core.outbox.messages import Envelope, Event
from core.outbox.rows import insertion

__all__ = [
    "Audience",
    "Envelope",
    "Event",
    "EventType",
    "NotInTransactionError",
    "declare",
    "event_types",
    "first_event",
    "insertion",
    "publish",
]
