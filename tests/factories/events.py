"""Events announced, handed on, or in the log; and types that exist in one test alone."""

from __future__ import annotations

import json

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone

from apps.ml_models.events import BATCH_SUCCEEDED
from apps.webhooks.models import EventRecord
from apps.webhooks.services.receiving import receive_events
from core.ids import uuid7
from core.outbox import Audience, EventType, catalogue, publish
from core.outbox.relay import Relay


class AnyEvent(EventType):
    """One with whatever data and owner a test likes."""

    def fault_in(self, event):
        return ""


def make_type(name: str, **fields) -> EventType:
    """A type of its own, undeclared, about whatever its name begins with; takes any event."""
    family = name.rpartition(".")[0]
    about = {"object_type": family, "summary": "", "audience": Audience.EVERYBODY}
    return AnyEvent(name=name, **{**about, "data": dict, "example": {}, **fields})


def allow_events(monkeypatch, *names: str) -> None:
    """Let this test publish events of these names."""
    for name in names:
        monkeypatch.setitem(catalogue._declared, name, make_type(name))


def announce(event_type: EventType, object_id: object, **owners) -> None:
    """Publish an event with its type's example for data, as a service would."""
    with transaction.atomic():
        publish(event_type.about(object_id, event_type.example, **owners))


def hand_on() -> int:
    """One relay's work, until nothing is left; how many events have left."""
    relay = Relay(broker=NoBroker(), subscribers=[receive_events])
    left = 0
    while published := relay._publish_events():
        left += published
    return left


class NoBroker:
    """For a relay that is not asked for tasks."""

    def send(self, row) -> None:
        raise AssertionError("No task is sent here.")

    def close(self) -> None:
        """There is nothing to close."""


def make_record(event_type: EventType = BATCH_SUCCEEDED, **fields) -> EventRecord:
    """An event in the log, as the relay leaves it."""
    now = timezone.now()
    return EventRecord.objects.create(
        **{
            "id": uuid7(),
            "type": event_type.name,
            "object_type": event_type.object_type,
            "object_id": str(uuid7()),
            "sequence": 1,
            "schema_version": event_type.schema_version,
            "data": json.loads(json.dumps(event_type.example, cls=DjangoJSONEncoder)),
            "request_id": "req_cause",
            "occurred_at": now,
            "recorded_at": now,
            **fields,
        }
    )
