"""The sandbox calls us back: by the same way in, and with the same signature, as any provider."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from apps.orders.services.payments.notices import receive_notice
from apps.orders.services.providers import signatures
from apps.orders.services.providers.sandbox import books
from apps.orders.services.providers.sandbox.provider import NAME

if TYPE_CHECKING:
    from datetime import datetime

    from apps.orders.services.providers.protocol import Outcome


def send_notice(*, key: str, number: int, now: datetime) -> None:
    """Tell of what was done under a key; what was still under way has arrived by then.

    Args:
        key: of the call that it is about.
        number: of the event among those of this key; the same number is the same event.
        now: aware, UTC.
    """
    answer = books.answered(key)
    if answer is None:
        return
    books.come_through(answer["reference"])
    body = body_of(f"evt_{key}_{number}", key, books.outcome_of(answer), now)
    header = signatures.sign(body, provider=NAME, now=now)
    receive_notice(provider=NAME, headers={signatures.HEADER: header}, body=body, now=now)


def body_of(
    event_id: str, key: str, outcome: Outcome, now: datetime, kind: str = "charge"
) -> bytes:
    """A callback as the sandbox writes it, about a `charge` or a `refund` by `kind`."""
    data: dict[str, Any] = {
        "reference": outcome.reference,
        "key": key,
        "said": outcome.said,
        "captured": None if outcome.captured is None else str(outcome.captured),
        "next_action": outcome.next_action,
        "code": outcome.code,
        "detail": outcome.detail,
    }
    event = {
        "id": event_id,
        "type": f"{kind}.{outcome.said}",
        "occurred_at": now.isoformat(),
        "data": data,
    }
    return json.dumps(event).encode()
