"""Webhook endpoints, in and out; a secret goes out once."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from apps.webhooks.models import WebhookEndpoint
from apps.webhooks.models.endpoints import (
    DESCRIPTION_MAX,
    EVENT_TYPE_MAX,
    EVENT_TYPES_MAX,
    URL_MAX,
    EndpointHealth,
)
from apps.webhooks.services.secrets import IssuedEndpoint  # noqa: TC001 - as the others
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer

EVENT_TYPES_HELP: Final = (
    "Types such as batch_prediction.succeeded, families such as batch_prediction.*, or * for all."
)


class EventTypesField(serializers.ListField):
    """Patterns of event types, in the order of letters; one that is said twice counts once."""

    child = serializers.CharField(max_length=EVENT_TYPE_MAX)

    def to_internal_value(self, data: Any) -> list[Any]:  # noqa: ANN401 - DRF's signature
        """Counted before it is read: DRF would read a hundred thousand first."""
        if isinstance(data, list) and len(data) > EVENT_TYPES_MAX:
            raise serializers.ValidationError(f"At most {EVENT_TYPES_MAX}.", code="max_length")
        return sorted(set(super().to_internal_value(data)))


def event_types_field(**options: Any) -> EventTypesField:  # noqa: ANN401 - the field's own
    return EventTypesField(
        allow_empty=False, max_length=EVENT_TYPES_MAX, help_text=EVENT_TYPES_HELP, **options
    )


class EndpointIn(InputSerializer[None]):
    application_id = serializers.UUIDField(
        required=False,
        help_text="Whose it is; an application's own credentials may leave it out.",
    )
    url = serializers.CharField(
        max_length=URL_MAX, help_text="https, port 443 or 8443; its host must be a public one."
    )
    description = serializers.CharField(
        max_length=DESCRIPTION_MAX, required=False, allow_blank=True, default=""
    )
    event_types = event_types_field()


class EndpointPatchIn(InputSerializer[None]):
    url = serializers.CharField(max_length=URL_MAX, required=False)
    description = serializers.CharField(
        max_length=DESCRIPTION_MAX, required=False, allow_blank=True
    )
    event_types = event_types_field(required=False)
    enabled = serializers.BooleanField(
        required=False, help_text="What waits while it is off is sent when it is on again."
    )


class SecretRotationIn(InputSerializer[None]):
    expire_previous_now = serializers.BooleanField(
        required=False,
        default=False,
        help_text="True: the old secret signs no more. Else it signs beside the new for 24 hours.",
    )


class HealthOut(OutputSerializer[EndpointHealth]):
    """What deliveries have found out."""

    last_success_at = serializers.DateTimeField(allow_null=True)
    last_failure_at = serializers.DateTimeField(allow_null=True)
    failing_since = serializers.DateTimeField(
        allow_null=True, help_text="First failure since the last success; null: it is well."
    )
    failures_in_a_row = serializers.IntegerField()
    paused_until = serializers.DateTimeField(
        allow_null=True, help_text="Nothing is sent before, since the receiver asked for it."
    )


HEALTH: Final = tuple(HealthOut().fields)


def _health_facts(endpoint: WebhookEndpoint) -> object:
    return tuple(getattr(endpoint.health, name) for name in HEALTH)


class EndpointOut(OutputSerializer[WebhookEndpoint]):
    """Where an application hears of events. Its secret was shown once."""

    beside = {"health": _health_facts}  # it moves with each delivery, the row does not

    id = serializers.UUIDField()
    application_id = serializers.UUIDField()
    url = serializers.CharField()
    description = serializers.CharField(help_text="Empty when there is none.")
    event_types = serializers.ListField(child=serializers.CharField())
    enabled = ComputedField(
        lambda status: status == WebhookEndpoint.Status.ENABLED,
        of=("status",),
        shape=serializers.BooleanField(),
        help_text="False: nothing is sent there.",
    )
    disabled_reason = ComputedField(
        lambda reason: reason or None,
        of=("disabled_reason",),
        shape=serializers.ChoiceField(
            choices=WebhookEndpoint.DisabledReason.choices, allow_null=True
        ),
        help_text="owner, staff, failures or gone (it answered 410); null: it is on.",
    )
    disabled_at = serializers.DateTimeField(allow_null=True)
    rotation_ends_at = serializers.DateTimeField(
        source="previous_secret_until",
        allow_null=True,
        help_text="Until then the secret from before the last rotation signs too.",
    )
    health = HealthOut()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class IssuedEndpointOut(EndpointOut):
    """An endpoint with a secret just made: the only answer that ever holds it."""

    secret = serializers.CharField(
        help_text="For the receiver, to verify signatures with. Shown this once."
    )

    def to_representation(self, instance: IssuedEndpoint) -> dict[str, Any]:  # type: ignore[override] # the row and its secret
        instance.row.secret = instance.secret  # for this answer alone
        return super().to_representation(instance.row)
