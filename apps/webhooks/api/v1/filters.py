"""Query parameters of the lists of endpoints and deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.webhooks.models import Delivery, WebhookEndpoint
from core.api.typed_filters import (
    BOOLEAN,
    EXACT,
    ID,
    NULL,
    ONE_OF,
    PART,
    RANGE,
    TEXT,
    TIME,
    Typed,
    TypedFilterSet,
    choice,
)

if TYPE_CHECKING:
    from django.db.models import QuerySet

ON = WebhookEndpoint.Status.ENABLED


def _that_are_on(
    rows: QuerySet[WebhookEndpoint],
    operator: str,  # noqa: ARG001 - as Typed.apply is called
    value: bool,  # noqa: FBT001 - likewise
) -> QuerySet[WebhookEndpoint]:
    return rows.filter(status=ON) if value else rows.exclude(status=ON)


class EndpointFilter(TypedFilterSet):
    typed = (
        Typed("application_id", ID, ONE_OF),
        Typed("enabled", BOOLEAN, EXACT, apply=_that_are_on),
        Typed("disabled_reason", choice(WebhookEndpoint.DisabledReason.values), ONE_OF),
        Typed("url", TEXT, EXACT + PART),
        Typed("description", TEXT, PART),
        Typed("disabled_at", TIME, RANGE + NULL),
        Typed("created_at", TIME, RANGE),
        Typed("updated_at", TIME, RANGE),
    )


class DeliveryFilter(TypedFilterSet):
    typed = (
        Typed("state", choice(Delivery.State.values), ONE_OF),
        Typed("event_type", TEXT, ONE_OF),
        Typed("event_id", ID, ONE_OF, about="The webhook-id."),
        Typed("is_test", BOOLEAN, EXACT),
        Typed("redelivers_id", ID, EXACT + NULL, about="What sends a certain delivery again."),
        Typed("last_error", TEXT, ONE_OF, about="A code such as timed_out."),
        Typed("created_at", TIME, RANGE),
        Typed("finished_at", TIME, RANGE + NULL),
    )
