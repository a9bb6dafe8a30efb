"""An event as the log shows it."""

from __future__ import annotations

from rest_framework import serializers

from apps.webhooks.models import EventRecord
from apps.webhooks.selectors.events import url_of_object
from core.api.serializers import OutputSerializer


class EventObjectOut(serializers.Serializer[EventRecord]):
    type = serializers.CharField(source="object_type", help_text="E.g. batch_prediction.")
    id = serializers.CharField(source="object_id")
    url = serializers.SerializerMethodField(help_text="Where it is; null: nowhere (any more).")
    sequence = serializers.IntegerField(
        help_text="1, 2, 3 ... of the object's events, in the order in which they happened."
    )

    def get_url(self, event: EventRecord) -> str | None:
        return url_of_object(event.type, event.object_id, event.data)


class EventOut(OutputSerializer[EventRecord]):
    id = serializers.UUIDField(help_text="The webhook-id of its deliveries.")
    type = serializers.CharField(help_text="E.g. batch_prediction.succeeded.")
    occurred_at = serializers.DateTimeField(help_text="When it happened (UTC).")
    object = EventObjectOut(source="*", help_text="What it is about.")
    data = serializers.DictField(  # type: ignore[assignment] # `data` of a serializer is its answer
        help_text="Its members depend on the type."
    )
    schema_version = serializers.IntegerField(
        help_text="Of `data`; moves when a member changes its meaning or goes away."
    )
    application_id = serializers.UUIDField(
        allow_null=True, help_text="The application concerned; null: none, or everybody's event."
    )
    request_id = serializers.CharField(help_text="X-Request-Id of the call that caused it, if any.")
