"""Events this app publishes: what each means, the data it carries, who hears of it.

All are for the application concerned and its owner. None carries a reason, which is staff's own
business, or a secret.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, TypedDict
from uuid import UUID

from core.outbox import Audience, EventType, declare

APPLICATION_ID: Final = UUID("0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47")
NEXT_KEY_ID: Final = UUID("0198f2c6-2c3d-7e5f-9071-8293a4b5c6d7")
KEY_PATH: Final = "/api/v1/applications/{application_id}/keys/{object_id}"
CLIENT_PATH: Final = "/api/v1/applications/{application_id}/oauth-clients/{object_id}"


class ApplicationData(TypedDict):
    name: Annotated[str, "Of the application, as its owner calls it."]


class KeyData(TypedDict):
    application_id: Annotated[UUID, "The application that the key is of."]
    name: Annotated[str, "What its owner calls it."]
    prefix: Annotated[str, "How the key begins; enough to tell it from others."]


class RotatedKeyData(KeyData):
    replaced_by: Annotated[UUID, "The key that takes its place."]
    expires_at: Annotated[datetime, "When the old key ends."]


class ClientData(TypedDict):
    application_id: Annotated[UUID, "The application that the client is of."]
    name: Annotated[str, "What people read when they are asked to consent."]
    client_id: Annotated[str, "As in the OAuth protocol; no secret."]


KEY: Final[KeyData] = {
    "application_id": APPLICATION_ID,
    "name": "Nightly import",
    "prefix": "sk_4hTq81Zx",
}
CLIENT: Final[ClientData] = {
    "application_id": APPLICATION_ID,
    "name": "Shop assistant",
    "client_id": "c1Bq0hXyW2mUuKQ3oVJt7Zr9sLdEfGnA4pHiTkRe",
}


def _application(verb: str, summary: str, path: str) -> EventType[ApplicationData]:
    return declare(
        EventType(
            name=f"application.{verb}",
            object_type="application",
            summary=summary,
            audience=Audience.APPLICATION,
            data=ApplicationData,
            example={"name": "Shop assistant"},
            path=path,
        )
    )


def _key(verb: str, summary: str) -> EventType[KeyData]:
    return declare(
        EventType(
            name=f"api_key.{verb}",
            object_type="api_key",
            summary=summary,
            audience=Audience.APPLICATION,
            data=KeyData,
            example=KEY,
            path=KEY_PATH,
        )
    )


def _client(verb: str, summary: str) -> EventType[ClientData]:
    return declare(
        EventType(
            name=f"oauth_client.{verb}",
            object_type="oauth_client",
            summary=summary,
            audience=Audience.APPLICATION,
            data=ClientData,
            example=CLIENT,
            path=CLIENT_PATH if verb != "revoked" else "",  # one that has ended is not shown
        )
    )


PATH: Final = "/api/v1/applications/{object_id}"

APPLICATION_CREATED = _application("created", "An application was made.", PATH)
APPLICATION_SUSPENDED = _application("suspended", "Staff stopped it; its calls are refused.", PATH)
APPLICATION_RESUMED = _application("resumed", "A suspended application may call again.", PATH)
APPLICATION_CLOSED = _application("closed", "It was given up for good, with all its keys.", "")

KEY_CREATED = _key("created", "A key was made, also one that takes another's place.")
KEY_REVOKED = _key("revoked", "A key was ended; calls with it are refused within 5 s.")
KEY_ROTATED: Final = declare(
    EventType(
        name="api_key.rotated",
        object_type="api_key",
        summary="A key was replaced; the old one ends at expires_at.",
        audience=Audience.APPLICATION,
        data=RotatedKeyData,
        example={
            **KEY,
            "replaced_by": NEXT_KEY_ID,
            "expires_at": datetime.fromisoformat("2026-03-01T13:00:00+00:00"),
        },
        path=KEY_PATH,
    )
)

OAUTH_CLIENT_CREATED = _client("created", "An OAuth client was made.")
OAUTH_CLIENT_REVOKED = _client("revoked", "An OAuth client was ended, with all its tokens.")
