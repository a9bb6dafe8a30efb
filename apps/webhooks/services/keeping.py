"""Keeping the log of deliveries going, and forgetting what is old."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db.models import Q

from apps.developers.selectors.resting import resting_among
from apps.webhooks.models import Delivery, DeliveryAttempt, WebhookEndpoint
from core.db.partitions import drop_day_partitions_before, ensure_day_partitions

if TYPE_CHECKING:
    from datetime import date, datetime
    from uuid import UUID

    from django.db.models import QuerySet

TABLE: Final = DeliveryAttempt._meta.db_table  # noqa: SLF001 - Django's documented model API
DAYS_AHEAD: Final = 7  # that many days of silence of the task are survived
BATCH: Final = 1_000  # rows of one statement: some tenths of a second
# Its own lines of the log are older than the delivery's end by the whole schedule at most.
LOG_MARGIN_DAYS: Final = 5


def make_attempt_partitions(*, now: datetime) -> list[str]:
    """Make today's partition and those of the next days; the names of the new."""
    return ensure_day_partitions(TABLE, first=now.astimezone(UTC).date(), days=DAYS_AHEAD + 1)


def make_attempt_partition(day: date) -> None:
    """One day's, where a line could not be written without it."""
    ensure_day_partitions(TABLE, first=day, days=1)


def purge_attempts(*, now: datetime) -> list[str]:
    """Drop the days that no delivery in the log has tries in; the names of their partitions.

    Raises:
        OperationalError: the table's lock was not to be had; try again later.
    """
    kept = timedelta(days=settings.WEBHOOK_LOG_DAYS + LOG_MARGIN_DAYS)
    return drop_day_partitions_before(TABLE, now.astimezone(UTC).date() - kept)


def purge_deliveries(*, now: datetime, batch: int = BATCH) -> int:
    """Delete deliveries that have ended more than WEBHOOK_LOG_DAYS ago, in batches; how many."""
    before = now - timedelta(days=settings.WEBHOOK_LOG_DAYS)
    old = Delivery.objects.filter(finished_at__lt=before).order_by("finished_at")
    total = 0
    while keys := list(old.values_list("pk", flat=True)[:batch]):
        total += Delivery.objects.filter(pk__in=keys).delete()[0]
    return total


def cancel_held_deliveries(*, now: datetime, batch: int = BATCH) -> int:
    """Cancel what endpoints that may not be called have held back for too long; how many.

    An endpoint that is switched off, or whose application is suspended or closed, or whose owner is
    deactivated, keeps its deliveries for WEBHOOK_HOLD_SECONDS: what is missing afterwards is in the
    log of events. A delivery that is under way at this moment is left alone.
    """
    before = now - timedelta(seconds=settings.WEBHOOK_HOLD_SECONDS)
    total = 0
    for endpoint_id in _endpoints_that_hold(before):
        held = Delivery.objects.filter(
            endpoint_id=endpoint_id,
            state=Delivery.State.PENDING,
            lease_token=None,
            created_at__lt=before,
        )
        while keys := list(held.order_by("pk").values_list("pk", flat=True)[:batch]):
            total += _cancel(held.filter(pk__in=keys), now)
    return total


def _cancel(rows: QuerySet[Delivery], now: datetime) -> int:
    return rows.update(state=Delivery.State.CANCELLED, finished_at=now)


def _endpoints_that_hold(before: datetime) -> list[UUID]:
    pending = Delivery.objects.filter(state=Delivery.State.PENDING, created_at__lt=before)
    rows = WebhookEndpoint.objects.filter(
        pk__in=pending.order_by().values("endpoint_id").distinct()
    )
    applications = resting_among(rows.values_list("application_id", flat=True))
    off = ~Q(status=WebhookEndpoint.Status.ENABLED) | Q(deleted_at__isnull=False)
    return list(rows.filter(off | Q(application_id__in=applications)).values_list("pk", flat=True))
