"""Behaviour facts for tests, as the doors hand them over."""

from __future__ import annotations

from datetime import UTC, datetime

from core.behaviour import BehaviourFact
from core.ids import uuid7

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


def make_behaviour(*, at=AT, **fields):
    """A fact of somebody who looked at a product."""
    known = {
        "id": uuid7(),
        "at": at.timestamp(),
        "name": "Product Viewed",
        "user_id": uuid7(),
        "anonymous_id": None,
        "application_id": None,
        "properties": {"product_id": str(uuid7())},
        "request_id": f"req_{uuid7().hex}",
    }
    return BehaviourFact(**{**known, **fields})
