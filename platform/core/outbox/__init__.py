"""Events and tasks that leave a transaction only if it commits; see docs/subsystems/outbox.md."""

from __future__ import annotations

from core.outbox.errors import NotInTransactionError
from core.outbox.events import Envelope, Event, publish

__all__ = ["Envelope", "Event", "NotInTransactionError", "publish"]
