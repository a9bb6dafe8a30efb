"""Taking deliveries out of the way that will not be made any more, some at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from apps.webhooks.models import Delivery, WebhookEndpoint
from core.tasks import enqueue

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

BATCH = 1_000  # rows of one transaction: some tenths of a second


def cancel_pending(endpoint_id: UUID, *, before: datetime | None, now: datetime) -> int:
    """Cancel what waits for an endpoint; a task goes on with what is more than BATCH.

    A delivery that is under way is cancelled as well: its lease is gone, so what comes of it is not
    written down. A row that another transaction holds at this moment is left to the task.

    Args:
        endpoint_id: whose; the caller holds its lock.
        before: aware, UTC; only what was made before. None: all.
        now: aware, UTC.
    """
    waiting = _waiting(endpoint_id, before)
    locked = waiting.select_for_update(of=("self",), no_key=True, skip_locked=True)
    keys = list(locked.order_by("pk").values_list("pk", flat=True)[:BATCH])
    Delivery.objects.filter(pk__in=keys).update(
        state=Delivery.State.CANCELLED, finished_at=now, lease_token=None, lease_until=None
    )
    if waiting.exists():
        ends = "" if before is None else before.isoformat()
        enqueue("webhooks.cancel_deliveries", endpoint_id=str(endpoint_id), before=ends)
    return len(keys)


@transaction.atomic
def go_on_cancelling(*, endpoint_id: UUID, before: datetime | None, now: datetime) -> None:
    """The task's part. Without `before` only for an endpoint that is deleted."""
    rows = WebhookEndpoint.objects.select_for_update(no_key=True)
    endpoint = rows.filter(pk=endpoint_id).first()
    if endpoint is not None and (endpoint.deleted_at is not None or before is not None):
        cancel_pending(endpoint_id, before=before, now=now)


def _waiting(endpoint_id: UUID, before: datetime | None) -> QuerySet[Delivery]:
    rows = Delivery.objects.filter(endpoint_id=endpoint_id, state=Delivery.State.PENDING)
    return rows if before is None else rows.filter(created_at__lt=before)
