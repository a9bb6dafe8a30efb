"""Credentials for tests of the kernel alone: a token that spells its principal."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from uuid import UUID

from core.api.refusals import InvalidTokenError
from core.security.principal import Principal

ALICE = UUID("0190a000-0000-7000-8000-00000000a11c")
BOB = UUID("0190a000-0000-7000-8000-000000000b0b")
SHOP = UUID("0190a000-0000-7000-8000-000000005409")
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)


def token_of(user_id=ALICE, *scopes, **more) -> str:
    """A token of the test scheme; `more` may hold other members of the principal."""
    document = {"user_id": str(user_id), "scopes": scopes, **more}
    text = json.dumps(document, default=str).encode()
    return "test_" + base64.urlsafe_b64encode(text).decode().rstrip("=")


class SpelledScheme:
    """Believes what a token says."""

    has_row = False
    verified: list[str] = []

    def matches(self, token: str) -> bool:
        return token.startswith("test_")

    def authenticate(self, token: str) -> Principal:
        self.verified.append(token)
        text = token.removeprefix("test_")
        try:
            said = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except ValueError as error:
            raise InvalidTokenError from error
        application = said.get("application_id")
        issued_at = said.get("issued_at")
        return Principal(
            user_id=UUID(said["user_id"]),
            username="somebody",
            application_id=UUID(application) if application else None,
            scopes=frozenset(said["scopes"]),
            plan="default",
            is_staff=said.get("is_staff", False),
            credential="test",
            credential_id=text[:16],
            family_id=None,
            issued_at=datetime.fromisoformat(issued_at) if issued_at else datetime.now(UTC),
            expires_at=datetime.now(UTC) + timedelta(seconds=said.get("lives", 900)),
            owner_id=UUID(said["owner_id"]) if "owner_id" in said else None,
            read_only=said.get("read_only", False),
            networks=tuple(ip_network(text) for text in said.get("networks", ())),
        )
