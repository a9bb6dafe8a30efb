"""Keeping the prediction log going: days made ahead, days dropped behind."""

from __future__ import annotations

import time
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from apps.ml_models.models import (
    LoggedPrediction,
    ModelPolicy,
    ModelVersion,
    PredictionTruth,
    RegisteredModel,
    ShadowPrediction,
)
from apps.ml_models.selectors.predictions import DEFAULT_DAYS, longest_kept
from apps.ml_models.services.predictions.patience import take_time
from apps.ml_models.services.predictions.recording import TABLES, make_partitions
from apps.ml_models.services.replaying.forgetting import forget_before
from core.db.partitions import drop_day_partitions_before

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime
    from uuid import UUID

    from django.db.models import QuerySet

DAYS_AHEAD: Final = 7  # that many days of silence of the task are survived
BATCH: Final = 5_000  # rows of one transaction
SECONDS: Final = 30  # of deleting in one run; within a task's limit of 60 s


def make_prediction_partitions(*, now: datetime) -> list[str]:
    """Make today's partitions and those of the next days; the names of the new."""
    return make_partitions(now.astimezone(UTC).date(), DAYS_AHEAD + 1)


def purge_predictions(*, now: datetime) -> list[str]:
    """Drop the days that no model keeps any more; the names of their partitions.

    Of days that some model keeps, the rows of those that do not are deleted then, in batches; what
    does not fit into SECONDS is left to the next run. Replays forget the calls of all these days.

    Raises:
        OperationalError: a lock was not to be had; what is done is done, try again later.
    """
    today = now.astimezone(UTC).date()
    longest = longest_kept()
    oldest = today - timedelta(days=longest)
    dropped = [name for table in TABLES for name in drop_day_partitions_before(table, oldest)]
    forget_before(oldest)
    until = time.monotonic() + SECONDS
    for days, models in _kept_shorter(longest):
        forget_before(today - timedelta(days=days), models=models)
        for back in range(days + 1, longest + 1):
            _delete(models, today - timedelta(days=back), until)
    return dropped


def _kept_shorter(longest: int) -> Iterator[tuple[int, list[UUID]]]:
    """How many days, and which models' predictions are kept so long, below the longest."""
    policies = dict(ModelPolicy.objects.values_list("model_id", "log_days"))
    by_days: dict[int, list[UUID]] = {}
    for model_id in RegisteredModel.objects.values_list("pk", flat=True):
        by_days.setdefault(policies.get(model_id, DEFAULT_DAYS), []).append(model_id)
    return ((days, models) for days, models in sorted(by_days.items()) if days < longest)


def _delete(models: list[UUID], day: date, until: float) -> None:
    """Delete what these models have of a day, the log last: as long as it is there, more is to do.

    So a day that is done costs one look into an index, and one broken off is gone on with.

    Args:
        models: whose.
        day: UTC.
        until: on the monotonic clock; no batch begins later.
    """
    logged = LoggedPrediction.objects.filter(day=day, model_id__in=models)
    if not logged.exists():
        return
    versions = ModelVersion.objects.filter(model_id__in=models).values("pk")
    shadows = ShadowPrediction.objects.filter(day=day, version_id__in=versions)
    truths = PredictionTruth.objects.filter(day=day, model_id__in=models)
    for rows in (shadows, truths, logged):
        while time.monotonic() < until and _delete_batch(rows) == BATCH:
            pass


@transaction.atomic
def _delete_batch(rows: QuerySet[Any]) -> int:
    """Delete BATCH rows of a day, or as many as there are; how many."""
    take_time()
    keys = list(rows.values_list("pk", flat=True)[:BATCH])
    rows.filter(pk__in=keys).delete()
    return len(keys)
