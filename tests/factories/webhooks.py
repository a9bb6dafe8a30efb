"""Webhook endpoints and deliveries for tests, made as the platform makes them."""

from __future__ import annotations

from django.utils import timezone

from apps.webhooks.models import Delivery, DeliveryAttempt, EventRecord
from apps.webhooks.services import endpoints, switching
from core.db.partitions import ensure_day_partitions
from core.ids import uuid7
from tests.factories.developers import login_of

URL = "https://hooks.example.org/agora"  # see tests.factories.names
ATTEMPTS_TABLE = "webhooks_deliveryattempt"


def make_endpoint(application, *, actor=None, **rules):
    """An IssuedEndpoint: `row`, and its secret as text."""
    return endpoints.create_endpoint(
        application_id=application.pk,
        rules={"url": URL, "description": "", "event_types": ["*"], **rules},
        actor=actor or login_of(application.owner),
    )


def make_event(account=None, application=None, **fields):
    """One in the log, as the relay's leader writes it; without an account everybody's."""
    now = timezone.now()
    job_id = str(uuid7())
    return EventRecord.objects.create(
        **{
            "id": uuid7(),
            "type": "batch_prediction.succeeded",
            "object_type": "batch_prediction",
            "object_id": job_id,
            "sequence": 3,
            "schema_version": 1,
            "data": {"status": "succeeded"},
            "account_id": account and account.pk,
            "application_id": application and application.pk,
            "request_id": "req_cause",
            "occurred_at": now,
            "recorded_at": now,
            **fields,
        }
    )


def make_delivery(endpoint, *, state="pending", created_at=None, **fields):
    """One of an event that nobody has published; with a body that says so."""
    finished = None if state == "pending" else timezone.now()
    delivery = Delivery.objects.create(
        **{
            "endpoint": endpoint,
            "event_id": uuid7(),
            "event_position": 1,
            "event_type": "batch_prediction.succeeded",
            "object_key": "batch_prediction:x",
            "body": '{"type":"batch_prediction.succeeded","data":{}}',
            "next_attempt_at": timezone.now(),
            "state": state,
            "finished_at": finished,
            **fields,
        }
    )
    if created_at is not None:
        Delivery.objects.filter(pk=delivery.pk).update(created_at=created_at)
    delivery.refresh_from_db()
    return delivery


def make_attempt(delivery, *, number=1, **fields):
    """A try of a delivery; the day's partition is made where there is none."""
    now = timezone.now()
    ensure_day_partitions(ATTEMPTS_TABLE, first=now.date(), days=1)
    return DeliveryAttempt.objects.create(
        **{
            "day": now.date(),
            "delivery_id": delivery.pk,
            "endpoint_id": delivery.endpoint_id,
            "number": number,
            "at": now,
            "duration_ms": 12,
            "address": "93.184.216.34",
            "request_headers": {"webhook-id": str(delivery.event_id)},
            "response_status": 500,
            "response_headers": {"content-type": "text/html"},
            "response_body": "<h1>no</h1>",
            "error": "status",
            **fields,
        }
    )


def disable_by_staff(endpoint, staff):
    """Switched off as in the admin; its owner cannot switch it on."""
    switching.disable_endpoint(
        endpoint_id=endpoint.pk, actor=login_of(staff), reason="x", now=timezone.now()
    )


def endpoints_url(endpoint=None, tail="") -> str:
    """Where endpoints lie, or one of them, or what `tail` does to it."""
    listing = "/api/v1/webhook-endpoints"
    return listing if endpoint is None else f"{listing}/{getattr(endpoint, 'pk', endpoint)}{tail}"
