"""The operators' door: endpoints, their deliveries, the log of events."""

from __future__ import annotations

from apps.webhooks.admin import deliveries, endpoints, events

__all__ = ["deliveries", "endpoints", "events"]
