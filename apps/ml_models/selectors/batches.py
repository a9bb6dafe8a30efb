"""Which batch predictions a caller sees, and what there is of their results."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from apps.ml_models.errors import BatchPredictionNotFoundError
from apps.ml_models.models import BatchPrediction

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from core.security.principal import Principal


def batch_predictions_visible_to(principal: Principal) -> QuerySet[BatchPrediction]:
    """A person sees all of theirs; an application only what it submitted itself."""
    rows = BatchPrediction.objects.filter(user_id=principal.user_id)
    if principal.application_id is not None:
        rows = rows.filter(application_id=principal.application_id)
    return rows.select_related("version__model")


def batch_prediction_for(principal: Principal, job_id: UUID) -> BatchPrediction:
    """Somebody else's is not found, as if it did not exist."""
    try:
        return batch_predictions_visible_to(principal).get(pk=job_id)
    except BatchPrediction.DoesNotExist:
        raise BatchPredictionNotFoundError(f"There is no batch prediction {job_id}.") from None


def percent_done(job: BatchPrediction) -> float | None:
    """Rows done of all, 0 to 100, one decimal, rounded down; None until the rows are counted."""
    if not job.total_rows:
        return None
    return math.floor(1000 * job.done_rows / job.total_rows) / 10


def rows_per_second(job: BatchPrediction, *, now: datetime) -> float | None:
    """Mean speed since it started; None before the first row is done."""
    if job.started_at is None or not job.done_rows:
        return None
    seconds = ((job.finished_at or now) - job.started_at).total_seconds()
    return round(job.done_rows / max(seconds, 0.001), 1)


def eta_seconds(job: BatchPrediction, *, now: datetime) -> int | None:
    """Seconds until it ends at its mean speed; None unless it is running and has a speed."""
    speed = rows_per_second(job, now=now)
    if job.status != BatchPrediction.Status.RUNNING or not speed or job.total_rows is None:
        return None
    return math.ceil((job.total_rows - job.done_rows) / speed)
