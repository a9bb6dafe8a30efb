"""Keeping the table of facts going: days made ahead, days dropped behind."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings

from apps.behaviour.services.recording import TABLE
from core.db.partitions import drop_day_partitions_before, ensure_day_partitions

if TYPE_CHECKING:
    from datetime import datetime

DAYS_AHEAD: Final = 7  # that many days of silence of the task are survived


def make_behaviour_partitions(*, now: datetime) -> list[str]:
    """Make today's partition and those of the next days; the names of the new."""
    return ensure_day_partitions(TABLE, first=now.astimezone(UTC).date(), days=DAYS_AHEAD + 1)


def purge_behaviour(*, now: datetime) -> list[str]:
    """Drop the days that are older than BEHAVIOUR_KEEP_DAYS; the names of their partitions.

    Raises:
        OperationalError: the table's lock was not to be had; try again later.
    """
    oldest = now.astimezone(UTC).date() - timedelta(days=settings.BEHAVIOUR_KEEP_DAYS)
    return drop_day_partitions_before(TABLE, oldest)
