"""Forgetting events whose time in the log is over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings

from apps.webhooks.models import EventRecord

if TYPE_CHECKING:
    from datetime import datetime

PURGE_BATCH = 1_000  # rows of one statement


def purge_events(*, now: datetime, batch: int = PURGE_BATCH) -> int:
    """Delete events recorded more than EVENT_LOG_DAYS before `now`, oldest first; how many.

    Positions are in the order of time, so what is left begins behind what is gone: a reader's place
    before it leads to the oldest that there is.
    """
    before = now - timedelta(days=settings.EVENT_LOG_DAYS)
    old = EventRecord.objects.filter(recorded_at__lt=before).order_by("position")
    deleted = 0
    while positions := list(old.values_list("position", flat=True)[:batch]):
        EventRecord.objects.filter(position__in=positions).delete()
        deleted += len(positions)
    return deleted
