"""Forgetting keys whose time is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.models import IdempotencyKey

if TYPE_CHECKING:
    from datetime import datetime

PURGE_BATCH = 1_000  # rows deleted in one transaction


def purge_expired_keys(*, now: datetime) -> int:
    """Delete keys that expired before `now`, in batches; how many."""
    deleted = 0
    while True:
        expired = IdempotencyKey.objects.filter(expires_at__lt=now).order_by("expires_at")
        count, _ = IdempotencyKey.objects.filter(pk__in=expired.values("pk")[:PURGE_BATCH]).delete()
        deleted += count
        if count < PURGE_BATCH:
            return deleted
