"""Tables of this app; the rest of it imports them from here."""

from __future__ import annotations

from apps.webhooks.models.deliveries import Delivery, DeliveryAttempt
from apps.webhooks.models.endpoints import EndpointHealth, WebhookEndpoint, shown_url
from apps.webhooks.models.events import EventRecord

__all__ = [
    "Delivery",
    "DeliveryAttempt",
    "EndpointHealth",
    "EventRecord",
    "WebhookEndpoint",
    "shown_url",
]
