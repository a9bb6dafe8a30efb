"""Which batch predictions a caller sees, and what there is of their results."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from apps.ml_models.errors import BatchPredictionNotFoundError
from apps.ml_models.models import BatchPrediction
from core.db.shaping import as_it_is

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from core.db.shaping import Shape
    from core.security.principal import Principal


def batch_predictions_visible_to(principal: Principal) -> QuerySet[BatchPrediction]:
    """A person sees all of theirs; an application only what it submitted itself."""
    rows = BatchPrediction.objects.filter(user_id=principal.user_id)
    if principal.application_id is not None:
        rows = rows.filter(application_id=principal.application_id)
    return rows


def batch_prediction_for(
    principal: Principal, job_id: UUID, shape: Shape[BatchPrediction] = as_it_is
) -> BatchPrediction:
    """Somebody else's is not found, as if it did not exist."""
    try:
        return shape(batch_predictions_visible_to(principal)).get(pk=job_id)
    except BatchPrediction.DoesNotExist:
        raise BatchPredictionNotFoundError(f"There is no batch prediction {job_id}.") from None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job was when its row was last written, which each finished chunk does.

    Nothing here asks the clock: what one version of the row says of itself stays as it is, and so
    its strong ETag holds.
    """

    status: str
    total_rows: int | None
    succeeded_rows: int
    failed_rows: int
    started_at: datetime | None
    updated_at: datetime
    finished_at: datetime | None

    @property
    def done_rows(self) -> int:
        return self.succeeded_rows + self.failed_rows

    @property
    def percent(self) -> float | None:
        """Rows done of all, 0 to 100, one decimal, rounded down; None until rows are counted."""
        if not self.total_rows:
            return None
        return math.floor(1000 * self.done_rows / self.total_rows) / 10

    @property
    def rows_per_second(self) -> float | None:
        """Mean speed from its start to `updated_at`; None before the first row is done."""
        if self.started_at is None or not self.done_rows:
            return None
        seconds = ((self.finished_at or self.updated_at) - self.started_at).total_seconds()
        return round(self.done_rows / max(seconds, 0.001), 1)

    @property
    def eta_seconds(self) -> int | None:
        """Seconds from `updated_at` on at its mean speed; None unless it runs and has a speed."""
        speed = self.rows_per_second
        if self.status != BatchPrediction.Status.RUNNING or not speed or self.total_rows is None:
            return None
        return math.ceil((self.total_rows - self.done_rows) / speed)


PROGRESS_COLUMNS: Final = tuple(field.name for field in fields(Progress))


def progress_of(job: BatchPrediction) -> Progress:
    return Progress(*(getattr(job, name) for name in PROGRESS_COLUMNS))
