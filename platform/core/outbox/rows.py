"""Rows of the outbox as JSON, and the one INSERT that takes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder

from core.observability.request_id import current

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from core.outbox.messages import Event


def row_of_event(event: Event, *, row_id: UUID, sequence: int | None) -> str:
    """An event as `insertion` takes it; without a sequence it is counted there."""
    return _row(
        id=row_id,
        kind="event",
        type=event.type,
        object_type=event.object_type,
        object_id=event.object_id,
        sequence=sequence,
        schema_version=event.schema_version,
        payload=dict(event.data),
        actor_id=event.actor_id,
        account_id=event.account_id,
        application_id=event.application_id,
        is_public=event.is_public,
    )


def row_of_task(
    name: str,
    arguments: Mapping[str, str],
    *,
    about: tuple[str, str],
    row_id: UUID,
    sequence: int | None,
) -> str:
    """A task as `insertion` takes it; without a sequence it is counted there."""
    return _row(
        id=row_id,
        kind="task",
        type=name,
        object_type=about[0],
        object_id=about[1],
        sequence=sequence,
        schema_version=1,
        payload=dict(arguments),
        is_public=False,
    )


def _row(**columns: Any) -> str:  # noqa: ANN401 - of every type that JSON can say
    context = current()
    cause = {"request_id": context.request_id, "traceparent": context.traceparent}
    return json.dumps({**columns, **cause}, cls=DjangoJSONEncoder)


def insertion(row: str, *, source: str = "(SELECT) AS alone") -> str:
    """The INSERT of a row, also for a statement that makes the object which an event is about.

    Args:
        row: an SQL expression of jsonb: a row as made here. A statement may complete its payload by
            what the database gave the object.
        source: what the expression takes columns from.
    """
    return f"""
        INSERT INTO core_outboxevent (
            id, kind, type, object_type, object_id, sequence, schema_version, payload, actor_id,
            account_id, application_id, is_public, request_id, traceparent, attempts, last_error
        )
        SELECT fresh.id, fresh.kind, fresh.type, fresh.object_type, fresh.object_id,
            COALESCE(fresh.sequence, (
                SELECT COALESCE(max(older.sequence), 0) + 1 FROM core_outboxevent AS older
                WHERE older.kind = fresh.kind AND older.object_type = fresh.object_type
                    AND older.object_id = fresh.object_id
            )),
            fresh.schema_version, fresh.payload, fresh.actor_id, fresh.account_id,
            fresh.application_id, fresh.is_public, fresh.request_id, fresh.traceparent, 0, ''
        FROM {source}, jsonb_to_record({row}) AS fresh (
            id uuid, kind text, type text, object_type text, object_id text, sequence bigint,
            schema_version smallint, payload jsonb, actor_id uuid, account_id uuid,
            application_id uuid, is_public boolean, request_id text, traceparent text
        )
    """  # noqa: S608 - the expressions are the platform's own
