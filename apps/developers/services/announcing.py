"""What a change of an application or key leaves behind: an audit entry and, mostly, an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from apps.developers.events import KEY_ROTATED
from core import audit
from core.outbox import publish

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from apps.developers.events import ApplicationData, ClientData, KeyData, RotatedKeyData
    from apps.developers.models import ApiKey, Application, OAuthClient
    from core.audit import Actor
    from core.outbox import EventType

    Facts = Mapping[str, object] | None

Data = TypeVar("Data", bound="Mapping[str, object]")


def announce_application(
    event_type: EventType[ApplicationData], application: Application, *, actor: Actor
) -> None:
    """An outbox row in the caller's transaction."""
    data: ApplicationData = {"name": application.name}
    _announce(event_type, application, application, data, actor)


def announce_key(event_type: EventType[KeyData], key: ApiKey, *, actor: Actor) -> None:
    """The same for a key; its prefix tells it from others, and gives nothing away."""
    _announce(event_type, key, key.application, _key_data(key), actor)


def announce_rotated_key(
    key: ApiKey, *, replaced_by: UUID, expires_at: datetime, actor: Actor
) -> None:
    """The same for one that another takes the place of."""
    data: RotatedKeyData = {**_key_data(key), "replaced_by": replaced_by, "expires_at": expires_at}
    _announce(KEY_ROTATED, key, key.application, data, actor)


def announce_client(
    event_type: EventType[ClientData], client: OAuthClient, *, actor: Actor
) -> None:
    """The same for an OAuth client."""
    data: ClientData = {
        "application_id": client.belongs_to_id,
        "name": client.name,
        "client_id": client.client_id,
    }
    _announce(event_type, client, client.belongs_to, data, actor)


def record_application(  # noqa: PLR0913 - the columns of an audit entry
    what: str,
    application: Application,
    actor: Actor,
    *,
    before: Facts,
    after: Facts,
    reason: str = "",
) -> None:
    audit.record(
        actor=actor,
        action=f"developers.application.{what}",
        object_type="application",
        object_id=str(application.pk),
        before=before,
        after=after,
        reason=reason,
    )


def record_key(  # noqa: PLR0913 - the columns of an audit entry
    what: str, key: ApiKey, actor: Actor, *, before: Facts, after: Facts, reason: str = ""
) -> None:
    audit.record(
        actor=actor,
        action=f"developers.api_key.{what}",
        object_type="api_key",
        object_id=str(key.pk),
        before=before,
        after=after,
        reason=reason,
    )


def _key_data(key: ApiKey) -> KeyData:
    return {"application_id": key.application_id, "name": key.name, "prefix": key.prefix}


def _announce(
    event_type: EventType[Data],
    row: Application | ApiKey | OAuthClient,
    application: Application,
    data: Data,
    actor: Actor,
) -> None:
    """Whoever did it, it is its owner's matter, and the application's that it is about."""
    event = event_type.about(
        row.pk,
        data,
        actor_id=None if actor is None else actor.user_id,
        account_id=application.owner_id,
        application_id=application.pk,
    )
    publish(event)
