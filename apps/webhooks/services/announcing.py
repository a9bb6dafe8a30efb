"""What a change of an endpoint leaves behind: an audit entry and, where others care, an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from apps.webhooks import events
from apps.webhooks.models import shown_url
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
    """An audit entry; of a `url` it keeps where it leads, not what may be a token in it."""
    audit.record(
        actor=actor,
        action=f"webhooks.webhook_endpoint.{what}",
        object_type="webhook_endpoint",
        object_id=str(endpoint.pk),
        before=_without_path(before),
        after=_without_path(after),
        reason=reason,
    )


def _without_path(facts: Facts) -> Facts:
    if facts is None or "url" not in facts:
        return facts
    return {**facts, "url": shown_url(str(facts["url"]))}


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
