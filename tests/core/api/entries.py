"""Rows to list: events of the outbox under other names, with ties and nulls to order by."""

from __future__ import annotations

from uuid import uuid4

from core.models import OutboxEvent


def entry(action="x", *, object_type="a", name="", actor_id=None, **more) -> OutboxEvent:
    """An unsaved row; `id`, the key of lists, is random and not in the order of writing."""
    return OutboxEvent(
        id=uuid4(),
        kind=OutboxEvent.Kind.EVENT,
        type=action,
        object_type=object_type,
        object_id=uuid4().hex,
        sequence=1,
        last_error=name,
        actor_id=actor_id,
        **more,
    )
