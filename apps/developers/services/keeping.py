"""Keeping the request log going: days made ahead, days dropped behind, old sums deleted."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings

from apps.developers.models import UsageDay
from apps.developers.services.recording import TABLE
from core.db.partitions import drop_day_partitions_before, ensure_day_partitions

if TYPE_CHECKING:
    from datetime import datetime

DAYS_AHEAD: Final = 7  # that many days of silence of the task are survived


def make_request_partitions(*, now: datetime) -> list[str]:
    """Make today's partition and those of the next days; the names of the new."""
    return ensure_day_partitions(TABLE, first=now.astimezone(UTC).date(), days=DAYS_AHEAD + 1)


def purge_requests(*, now: datetime) -> list[str]:
    """Drop the days that are older than REQUEST_LOG_DAYS; the names of their partitions.

    Raises:
        OperationalError: the table's lock was not to be had; try again later.
    """
    oldest = now.astimezone(UTC).date() - timedelta(days=settings.REQUEST_LOG_DAYS)
    return drop_day_partitions_before(TABLE, oldest)


def purge_usage(*, now: datetime) -> int:
    """Delete the sums of days older than USAGE_DAYS; how many rows."""
    oldest = now.astimezone(UTC).date() - timedelta(days=settings.USAGE_DAYS)
    deleted, _ = UsageDay.objects.filter(day__lt=oldest).delete()
    return deleted
