"""Facts of calls, and the rows they become."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from core.facts import RequestFact
from core.ids import uuid7
from core.security.principal import Principal

DEFAULT_AT = datetime(2026, 6, 1, 12, tzinfo=UTC)

_numbers = count()


def request_id_at(moment) -> str:
    """As one that began then; of the same millisecond, a later one sorts later."""
    milliseconds = int(moment.timestamp() * 1000)
    return f"req_{milliseconds:012x}7{next(_numbers) % 0x1000:03x}{uuid7().hex[16:]}"


def make_principal(**changes) -> Principal:
    """A person's own login, of nobody in particular."""
    facts = {
        "user_id": uuid7(),
        "username": "somebody",
        "application_id": None,
        "scopes": frozenset({"usage:read"}),
        "plan": "default",
        "is_staff": False,
        "credential": "jwt",
        "credential_id": uuid7().hex,
        "family_id": uuid7(),
        "issued_at": DEFAULT_AT,
        "expires_at": DEFAULT_AT + timedelta(minutes=15),
    }
    return Principal(**{**facts, **changes})


def make_fact(principal=None, *, at=DEFAULT_AT, **changes) -> RequestFact:
    """A good call of `GET /me` that took 12 ms and cost one unit."""
    facts = {
        "at": at.timestamp(),
        "request_id": request_id_at(at),
        "principal": principal or make_principal(),
        "method": "GET",
        "route": "api/v1/me",
        "status": 200,
        "error_code": "",
        "seconds": 0.012,
        "request_length": None,
        "response_bytes": 321,
        "work": "default",
        "units": 1,
    }
    return RequestFact(**{**facts, **changes})
