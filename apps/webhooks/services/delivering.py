"""One try of one delivery: signed at this moment, sent, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings

from apps.webhooks.services.finishing import Tried
from apps.webhooks.services.secrets import signing_secrets
from apps.webhooks.services.signing import sign
from core.outbound.exchange import Caps, post

if TYPE_CHECKING:
    from datetime import datetime

    from apps.webhooks.models import Delivery
    from core.outbound.resolver import Lookups

USER_AGENT: Final = "Agora-Webhooks/1"
BODY_SECONDS: Final = 2.0  # after its header, for the rest of an answer: it is for the log alone


def caps_from_settings() -> Caps:
    return Caps(
        connect_seconds=settings.WEBHOOK_CONNECT_SECONDS,
        total_seconds=settings.WEBHOOK_TOTAL_SECONDS,
        body_seconds=BODY_SECONDS,
        body_bytes=settings.WEBHOOK_RESPONSE_BYTES,
    )


async def attempt(delivery: Delivery, *, caps: Caps, lookups: Lookups, now: datetime) -> Tried:
    """Send a delivery that the caller has leased. Nothing is locked and no transaction is open.

    Raises:
        core.security.sealing.UnsealableError: WEBHOOK_KEYS lacks the key of the endpoint's secret.
    """
    body = delivery.body.encode()
    headers = headers_of(delivery, body, now=now)
    exchange = await post(delivery.endpoint.url, headers, body, caps=caps, lookups=lookups)
    return Tried(delivery, now, headers, exchange)


def headers_of(delivery: Delivery, body: bytes, *, now: datetime) -> dict[str, str]:
    """Standard Webhooks 1.0.0, section "Webhook headers"; the id is the event's at every try."""
    message_id, timestamp = str(delivery.event_id), int(now.timestamp())
    secrets = signing_secrets(delivery.endpoint, now=now)
    return {
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, message_id, timestamp, body),
    }
