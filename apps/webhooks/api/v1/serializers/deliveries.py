"""Deliveries and their tries, out; what may be sent again, in."""

from __future__ import annotations

import json
from operator import attrgetter
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.webhooks.api.v1.serializers.endpoints import EventTypesField
from apps.webhooks.models import Delivery, DeliveryAttempt
from apps.webhooks.models.endpoints import EVENT_TYPES_MAX
from apps.webhooks.selectors.deliveries import attempts_of
from core.api.serializers import ComputedField, InputSerializer, InstantField, OutputSerializer


class RangeIn(InputSerializer[None]):
    """Deliveries made in [from_at, to_at)."""

    from_at = InstantField(help_text="The first moment.")
    to_at = InstantField(
        required=False, allow_null=True, default=None, help_text="Where it ends; null: now."
    )
    only_failed = serializers.BooleanField(
        required=False,
        default=True,
        help_text="Failed and cancelled ones, unless sent again with success; false: all.",
    )
    event_types = EventTypesField(
        required=False,
        default=list,
        max_length=EVENT_TYPES_MAX,
        help_text="These types and families alone; empty, or `*` in it: all.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["to_at"] is not None and attrs["to_at"] <= attrs["from_at"]:
            fault = serializers.ErrorDetail("This must be after from_at.", code="out_of_range")
            raise serializers.ValidationError({"to_at": [fault]})
        return attrs


class RangeOut(serializers.Serializer[None]):
    count = serializers.IntegerField(
        help_text="Deliveries that are sent again, at most 10,000; large ranges within a minute."
    )


class AttemptOut(OutputSerializer[DeliveryAttempt]):
    """One try: what was sent, and what came back."""

    number = serializers.IntegerField(help_text="1 is the first.")
    at = serializers.DateTimeField(help_text="When it began; the webhook-timestamp.")
    duration_ms = serializers.IntegerField(help_text="Until the answer or the failure.")
    address = serializers.CharField(help_text="IP address that was connected to; may be empty.")
    error = serializers.CharField(
        help_text="Empty: a 2xx answer. Else a code such as timed_out or status."
    )
    request_headers = serializers.DictField(child=serializers.CharField())
    response_status = serializers.IntegerField(allow_null=True)
    response_headers = serializers.DictField(child=serializers.CharField())
    response_body = serializers.CharField(help_text="Its start, as text.")


class DeliveryOut(OutputSerializer[Delivery]):
    """An event on its way to an endpoint."""

    beside = {
        "state": attrgetter("state"),
        "tries": attrgetter("attempts"),
        "next_attempt_at": attrgetter("next_attempt_at"),
        "finished_at": attrgetter("finished_at"),
        "last_status": attrgetter("last_status"),
        "last_error": attrgetter("last_error"),
    }  # what the engine writes, which need not move the row's version

    id = serializers.UUIDField()
    endpoint_id = serializers.UUIDField()
    event_id = serializers.UUIDField(help_text="The webhook-id, the same when it is sent again.")
    event_type = serializers.CharField()
    state = serializers.ChoiceField(
        choices=Delivery.State.choices, help_text="pending: waits, or for its next try."
    )
    is_test = serializers.BooleanField()
    redelivers_id = serializers.UUIDField(
        allow_null=True, help_text="The delivery that this one sends again."
    )
    tries = serializers.IntegerField(source="attempts", help_text="That have ended.")
    next_attempt_at = ComputedField(
        lambda state, moment: moment if state == Delivery.State.PENDING else None,
        of=("state", "next_attempt_at"),
        shape=serializers.DateTimeField(allow_null=True),
        help_text="Not before; null: there is no other try.",
    )
    last_status = serializers.IntegerField(
        allow_null=True, help_text="HTTP status of the last answer, if there was one."
    )
    last_error = serializers.CharField(
        help_text="Code of what the last try failed with; empty: with nothing."
    )
    request_id = serializers.CharField(help_text="X-Request-Id of what caused the event.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class DeliveryDetailOut(DeliveryOut):
    """The same with what is sent, and each try."""

    beside = {**DeliveryOut.beside, "attempts": attrgetter("attempts")}

    body = serializers.SerializerMethodField(help_text="What is sent; signed byte for byte.")
    attempts = serializers.SerializerMethodField(help_text="The first one first.")

    def get_body(self, delivery: Delivery) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(delivery.body)
        return document

    @extend_schema_field(AttemptOut(many=True))
    def get_attempts(self, delivery: Delivery) -> list[dict[str, Any]]:
        tries: list[dict[str, Any]] = [
            dict(AttemptOut(attempt).data) for attempt in attempts_of(delivery)
        ]
        return tries
