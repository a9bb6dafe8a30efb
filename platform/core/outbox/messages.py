"""What is announced, and what a subscriber receives of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from core.models import OutboxEvent


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened to one object and that others may want to know.

    Made by `EventType.about`, which fills in what the type says.

    Attributes:
        type: name for life, e.g. "batch_prediction.succeeded".
        object_type: e.g. "batch_prediction".
        object_id: its id as text.
        data: JSON; what receivers get. Its shape belongs to `schema_version`.
        actor_id: the user who caused it; None: the system.
        account_id: whose matter it is: they and their applications may hear of it.
        application_id: the application concerned, which made the object or is it; needs account_id.
        is_public: everybody may hear of it, and it has no account. An event with neither stays
            inside.
        schema_version: of `data`; moves when a member changes its meaning or goes away.
    """

    type: str
    object_type: str
    object_id: str
    data: Mapping[str, object]
    actor_id: UUID | None = None
    account_id: UUID | None = None
    application_id: UUID | None = None
    is_public: bool = False
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
    account_id: UUID | None
    application_id: UUID | None
    is_public: bool
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
            account_id=row.account_id,
            application_id=row.application_id,
            is_public=row.is_public,
            request_id=row.request_id,
            traceparent=row.traceparent,
            created_at=row.created_at,
        )
