"""What the schema shows of webhook endpoints and their deliveries."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

from core.api.schema import problem as problem  # noqa: PLC0414 - views take it from here

APPLICATION_ID = "0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47"
ENDPOINT_ID = "0198f2c7-3d4e-7f60-8182-93a4b5c6d7e8"
DELIVERY_ID = "0198f2c8-4e5f-7061-9293-a4b5c6d7e8f9"
EVENT_ID = "0198f2c8-4e5e-7f70-a1b2-c3d4e5f60718"
JOB_ID = "0198f2c8-4d5d-7e6f-8091-a2b3c4d5e6f7"

HEALTH = {
    "last_success_at": "2026-03-02T08:30:00Z",
    "last_failure_at": None,
    "failing_since": None,
    "failures_in_a_row": 0,
    "paused_until": None,
}
ENDPOINT = {
    "id": ENDPOINT_ID,
    "application_id": APPLICATION_ID,
    "url": "https://hooks.example.org/agora",
    "description": "Tells the warehouse what is done",
    "event_types": ["batch_prediction.*"],
    "enabled": True,
    "disabled_reason": None,
    "disabled_at": None,
    "rotation_ends_at": None,
    "health": HEALTH,
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:00Z",
}
NEW = {**ENDPOINT, "health": {**HEALTH, "last_success_at": None}}
ISSUED = {**NEW, "secret": "whsec_hXbT0Zl3bN6kP0p1uY3s1m1q8R2v5x9A4c7e0g3i6k8="}
ROTATED = {**ISSUED, "rotation_ends_at": "2026-03-03T09:00:00Z", "health": HEALTH}
OFF = {
    **ENDPOINT,
    "enabled": False,
    "disabled_reason": "owner",
    "disabled_at": "2026-03-02T09:00:00Z",
}
DELIVERY = {
    "id": DELIVERY_ID,
    "endpoint_id": ENDPOINT_ID,
    "event_id": EVENT_ID,
    "event_type": "batch_prediction.succeeded",
    "state": "succeeded",
    "is_test": False,
    "redelivers_id": None,
    "tries": 1,
    "next_attempt_at": None,
    "last_status": 200,
    "last_error": "",
    "request_id": "req_0198f2c84d5d7e6f8091a2b3c4d5e6f7",
    "created_at": "2026-03-02T08:30:00Z",
    "finished_at": "2026-03-02T08:30:01Z",
}
WAITING = {
    **DELIVERY,
    "state": "pending",
    "tries": 0,
    "next_attempt_at": "2026-03-02T09:00:00Z",
    "last_status": None,
    "finished_at": None,
}
AGAIN = {**WAITING, "redelivers_id": DELIVERY_ID, "id": "0198f2c9-5f60-7172-a3b4-c5d6e7f8090a"}
TEST = {**WAITING, "event_type": "webhook_endpoint.test", "is_test": True}
DETAIL = {
    **DELIVERY,
    "body": {
        "type": "batch_prediction.succeeded",
        "timestamp": "2026-03-02T08:30:00.120000Z",
        "data": {"status": "succeeded", "…": "as the event's type says"},
        "object": {
            "type": "batch_prediction",
            "id": JOB_ID,
            "url": f"https://agora.example.org/api/v1/batch-predictions/{JOB_ID}",
            "sequence": 3,
        },
        "schema_version": 1,
        "request_id": "req_0198f2c84d5d7e6f8091a2b3c4d5e6f7",
    },
    "attempts": [
        {
            "number": 1,
            "at": "2026-03-02T08:30:00.310000Z",
            "duration_ms": 84,
            "address": "203.0.113.7",
            "error": "",
            "request_headers": {
                "webhook-id": EVENT_ID,
                "webhook-timestamp": "1772440200",
                "webhook-signature": "v1,oAJ1kWRvYYnNSvyZfAyD6ScQsWtdkz0aVvhC0ePqDHg=",
            },
            "response_status": 200,
            "response_headers": {"content-type": "text/plain"},
            "response_body": "ok",
        }
    ],
}


def sent(value: object) -> OpenApiExample:
    return OpenApiExample("request", value=value, request_only=True)


def answered(value: object, status: int = 200) -> OpenApiExample:
    return OpenApiExample("answer", value=value, response_only=True, status_codes=[str(status)])


LIST_ENDPOINTS = [answered(ENDPOINT)]
SHOW_ENDPOINT = [answered(ENDPOINT)]
CREATE_ENDPOINT = [
    sent(
        {
            "application_id": APPLICATION_ID,
            "url": "https://hooks.example.org/agora",
            "description": "Tells the warehouse what is done",
            "event_types": ["batch_prediction.*"],
        }
    ),
    answered(ISSUED, 201),
]
CHANGE_ENDPOINT = [sent({"enabled": False}), answered(OFF)]
ROTATE_SECRET = [sent({"expire_previous_now": False}), answered(ROTATED)]
SEND_TEST = [answered(TEST, 202)]
LIST_DELIVERIES = [answered(DELIVERY)]
SHOW_DELIVERY = [answered(DETAIL)]
REDELIVER = [answered(AGAIN, 202)]
REDELIVER_RANGE = [
    sent({"from_at": "2026-03-01T00:00:00Z", "to_at": "2026-03-02T00:00:00Z"}),
    answered({"count": 42}, 202),
]
