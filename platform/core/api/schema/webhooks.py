"""The document's `webhooks`: what a receiver is sent of each type of event, and what it may answer.

OpenAPI 3.1.1, section 4.8.1; the headers are those of Standard Webhooks 1.0.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from core.api.schema.parameters import header
from core.outbox.catalogue import event_types

if TYPE_CHECKING:
    from core.outbox.catalogue import EventType

    Document = dict[str, Any]

TAG: Final = "webhooks"
EVENT_ID: Final = "0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47"
OBJECT_ID: Final = "0198f2c5-1b2c-7d4e-8f60-718293a4b5c6"
SIGNATURE: Final = "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="
HOST: Final = "https://api.example.com"

HEADERS: Final = {  # by name, what it says, and an example
    "webhook-id": (
        "The event's id: the same at every try and redelivery, so drop what you know.",
        EVENT_ID,
    ),
    "webhook-timestamp": (
        "When this try was made, in seconds since 1970; refuse what is old.",
        "1773144000",
    ),
    "webhook-signature": (
        (
            "`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body` with the endpoint's secret;"
            " two with a space between while a secret is being exchanged."
        ),
        SIGNATURE,
    ),
}
ANSWERS: Final = {
    "2XX": "Taken. Answer at once, within 10 s, and work afterwards; the body is not looked at.",
    "3XX": "Not followed: a failure, as every answer below.",
    "410": "Gone: nothing is sent to this endpoint any more, until its owner switches it on.",
    "4XX": "Tried again, over three days.",
    "5XX": "Tried again; of a 429, 502, 503 or 504 `Retry-After` is heeded, up to a day.",
}
EVENT_OBJECT: Final = {
    "type": "object",
    "description": "What an event is about.",
    "required": ["type", "id", "url", "sequence"],
    "properties": {
        "type": {"type": "string", "description": "e.g. batch_prediction."},
        "id": {"type": "string", "description": "Its id."},
        "url": {
            "type": ["string", "null"],
            "format": "uri",
            "description": "Where its present state is read; null where nowhere.",
        },
        "sequence": {
            "type": "integer",
            "description": "1, 2, 3 ... of the object's events: a larger one is newer. 0: a test.",
        },
    },
}


def add_webhooks(
    result: Document,
    generator: object,  # noqa: ARG001 - drf-spectacular's signature
    request: object,  # noqa: ARG001 - likewise
    public: bool,  # noqa: ARG001, FBT001 - likewise
) -> Document:
    """drf-spectacular's post-processing hook: one webhook a type of event, with its schemas."""
    schemas: Document = result["components"]["schemas"]
    schemas["EventObject"] = EVENT_OBJECT
    for kind in event_types().values():
        data = kind.json_schema()
        if schemas.setdefault(data_name_of(kind), data) != data:
            raise ValueError(f"Two schemas are called {data_name_of(kind)}.")
        schemas[name_of(kind)] = body_of(kind)
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    result["webhooks"] = {kind.name: {"post": _operation(kind)} for kind in event_types().values()}
    return result


def name_of(kind: EventType[Any]) -> str:
    """`batch_prediction.succeeded` is BatchPredictionSucceededEvent."""
    return "".join(part.capitalize() for part in re.split(r"[._]", kind.name)) + "Event"


def data_name_of(kind: EventType[Any]) -> str:
    """The shape of `data`, which several types may share: BatchData is BatchEventData."""
    return kind.data.__name__.removesuffix("Data") + "EventData"


def body_of(kind: EventType[Any]) -> Document:
    """The schema of a delivery's body."""
    return {
        "type": "object",
        "description": kind.summary,
        "required": ["type", "timestamp", "data", "object", "schema_version", "request_id"],
        "properties": {
            "type": {"type": "string", "const": kind.name},
            "timestamp": {
                "type": "string",
                "format": "date-time",
                "description": "When it happened (UTC).",
            },
            "data": {"$ref": f"#/components/schemas/{data_name_of(kind)}"},
            "object": {"$ref": "#/components/schemas/EventObject"},
            "schema_version": {
                "type": "integer",
                "description": "Of `data`; moves when a member changes its meaning or goes away.",
            },
            "request_id": {
                "type": "string",
                "description": "X-Request-Id of the call that caused it; may be empty.",
            },
        },
    }


def example_of(kind: EventType[Any]) -> Document:
    path = kind.path_of(OBJECT_ID, kind.example)
    return {
        "type": kind.name,
        "timestamp": "2026-03-10T12:00:00Z",
        "data": kind.example,
        "object": {
            "type": kind.object_type,
            "id": OBJECT_ID,
            "url": None if path is None else f"{HOST}{path}",
            "sequence": 3,
        },
        "schema_version": kind.schema_version,
        "request_id": "req_0198c0ffee7a7000a0000123456789ab",
    }


def _operation(kind: EventType[Any]) -> Document:
    return {
        "operationId": f"receive_{kind.name.replace('.', '_')}",
        "summary": kind.summary,
        "description": f"For {kind.audience.value}. Signed, at least once, in order per object.",
        "tags": [TAG],
        "security": [],
        "parameters": [
            {**header(name, text, required=True), "example": example}
            for name, (text, example) in HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{name_of(kind)}"},
                    "examples": {"event": {"value": example_of(kind)}},
                }
            },
        },
        "responses": {status: {"description": text} for status, text in ANSWERS.items()},
    }
