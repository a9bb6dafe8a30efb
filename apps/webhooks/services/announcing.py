"""What a change of an endpoint leaves behind: an audit entry and, where others care, an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from apps.webhooks import events
from core import audit
from core.outbox import publish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.webhooks.models import WebhookEndpoint
    from core.audit import Actor

    Facts = Mapping[str, object] | None


def record_endpoint(  # noqa: PLR0913 - the columns of an audit entry
    what: str,
    endpoint: WebhookEndpoint,
    actor: Actor,
    *,
    before: Facts,
    after: Facts,
    reason: str = "",
) -> None:
    audit.record(
        actor=actor,
        action=f"webhooks.webhook_endpoint.{what}",
        object_type="webhook_endpoint",
        object_id=str(endpoint.pk),
        before=before,
        after=after,
        reason=reason,
    )


def announce_disabled(endpoint: WebhookEndpoint, *, actor: Actor) -> None:
    """An outbox row in the caller's transaction. The address stays out: it may hold a password."""
    publish(
        events.ENDPOINT_DISABLED.about(
            endpoint.pk,
            {
                "application_id": str(endpoint.application_id),
                "description": endpoint.description,
                "reason": cast("events.DisabledReason", endpoint.disabled_reason),
            },
            actor_id=None if actor is None else actor.user_id,
            account_id=endpoint.application.owner_id,
            application_id=endpoint.application_id,
        )
    )
