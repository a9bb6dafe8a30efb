"""What a try tells of its endpoint: trusted, on trial, failing, resting, to be disabled. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings

from apps.webhooks.models import WebhookEndpoint
from apps.webhooks.services.scheduling import pause_after

if TYPE_CHECKING:
    from datetime import datetime

    from apps.webhooks.models import EndpointHealth
    from apps.webhooks.services.scheduling import Draw

GONE: Final = 410  # the receiver wants no more (Standard Webhooks)


@dataclass(frozen=True, slots=True)
class Result:
    """What a try came to, as far as its endpoint is concerned.

    Attributes:
        arrived: an answer 2xx.
        seconds: it took.
        status: of the answer; None: there was none.
        retry_after: seconds that the receiver has asked for, capped.
    """

    arrived: bool
    seconds: float
    status: int | None = None
    retry_after: float | None = None


def note(health: EndpointHealth, result: Result, *, now: datetime, draw: Draw) -> None:
    """Change the row, unsaved, by what one try has shown. Caller holds its lock."""
    if result.arrived:
        health.is_trusted = result.seconds < settings.WEBHOOK_QUICK_SECONDS
        health.paused_until = health.failing_since = None
        health.failures_in_a_row = 0
        health.last_success_at = now
        return
    health.is_trusted = False
    if health.failing_since is None or _is_long_ago(health.last_failure_at, now):
        health.failing_since = now
    health.failures_in_a_row += 1
    health.last_failure_at = now
    _pause(health, result, now=now, draw=draw)


def reason_to_disable(health: EndpointHealth, result: Result, *, now: datetime) -> str | None:
    """Why an endpoint is to be switched off after this try; None: it is not."""
    if result.arrived:
        return None
    if result.status == GONE:
        return WebhookEndpoint.DisabledReason.GONE
    since = health.failing_since or now
    long = timedelta(seconds=settings.WEBHOOK_DISABLE_AFTER_SECONDS)
    return WebhookEndpoint.DisabledReason.FAILURES if now - since >= long else None


def _is_long_ago(last_failure_at: datetime | None, now: datetime) -> bool:
    """Whether nothing was tried for so long that this failure is not the last one's matter.

    A failed test event, say, which is not tried again: days later the first failure of an event
    must not look like days of failures.
    """
    forgotten = timedelta(seconds=settings.WEBHOOK_FORGET_SECONDS)
    return last_failure_at is not None and now - last_failure_at >= forgotten


def _pause(health: EndpointHealth, result: Result, *, now: datetime, draw: Draw) -> None:
    own = pause_after(
        health.failures_in_a_row,
        answered=result.status is not None,
        status=result.status,
        draw=draw,
    )
    seconds = max(own or 0.0, result.retry_after or 0.0)
    until = now + timedelta(seconds=seconds)
    if seconds and (health.paused_until is None or health.paused_until < until):
        health.paused_until = until
