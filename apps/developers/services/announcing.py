"""What a change of an application or key leaves behind: an audit entry and, mostly, an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import audit
from core.outbox import Event, publish
from core.security.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.developers.models import ApiKey, Application
    from core.audit import Actor

    Facts = Mapping[str, object] | None


def announce_application(event: str, application: Application, *, actor: Actor) -> None:
    """An outbox row in the caller's transaction."""
    _announce(event, "application", application, {"name": application.name}, actor)


def announce_key(event: str, key: ApiKey, *, actor: Actor, **data: object) -> None:
    """The same for a key; its prefix tells it from others, and gives nothing away."""
    facts = {"application_id": str(key.application_id), "name": key.name, "prefix": key.prefix}
    _announce(event, "api_key", key, {**facts, **data}, actor)


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


def _announce(
    event: str,
    object_type: str,
    row: Application | ApiKey,
    data: Mapping[str, object],
    actor: Actor,
) -> None:
    publish(
        Event(
            type=event,
            object_type=object_type,
            object_id=str(row.pk),
            data=data,
            actor_id=None if actor is None else actor.user_id,
            application_id=actor.application_id if isinstance(actor, Principal) else None,
        )
    )
