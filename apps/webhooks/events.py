"""Events this app announces, and the one that it only sends: a test."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypedDict

from core.outbox import Audience, EventType, declare

DisabledReason = Literal["owner", "staff", "failures", "gone"]
PATH: Final = "/api/v1/webhook-endpoints/{object_id}"


class DisabledData(TypedDict):
    """Of an endpoint. Its address stays out, since it may hold a password."""

    application_id: Annotated[str, "The application that it is of."]
    description: Annotated[str, "What its owner wrote about it; may be empty."]
    reason: Annotated[
        DisabledReason, "Who or what switched it off; gone: the receiver answered 410."
    ]


class TestData(TypedDict):
    """Of a test event."""

    application_id: Annotated[str, "The application that the endpoint is of."]
    message: Annotated[str, "A sentence for people."]


ENDPOINT_DISABLED: Final = declare(
    EventType(
        name="webhook_endpoint.disabled",
        object_type="webhook_endpoint",
        summary="A webhook endpoint was switched off, by its owner, by staff, or by itself.",
        audience=Audience.APPLICATION,
        data=DisabledData,
        example={
            "application_id": "0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47",
            "description": "Orders to the warehouse",
            "reason": "failures",
        },
        path=PATH,
    )
)

ENDPOINT_TEST: Final = declare(
    EventType(
        name="webhook_endpoint.test",
        object_type="webhook_endpoint",
        summary="Somebody asked for a test event; it goes to that endpoint alone, into no log.",
        audience=Audience.APPLICATION,
        data=TestData,
        example={
            "application_id": "0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47",
            "message": "This is a test event of Agora.",
        },
        path=PATH,
    )
)
