"""Logged predictions for tests, as the log's writer leaves them, past the model itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apps.ml_models.models import (
    DriftReading,
    DriftReference,
    LoggedPrediction,
    PredictionTruth,
    VersionQuality,
)
from apps.ml_models.services.predictions.recording import make_partitions
from core.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.ml_models.models import ModelVersion

NOON = time(12, tzinfo=UTC)


def id_at(moment: datetime) -> UUID:
    """A UUIDv7 as it would have been made at a moment."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | (uuid7().int & (1 << 80) - 1))


def log_calls(
    version: ModelVersion,
    scores: Sequence[Sequence[float] | None],
    *,
    at: datetime | None = None,
    truths: Sequence[Sequence[float | None] | None] = (),
    **fields: Any,
) -> list[LoggedPrediction]:
    """A call for each list of scores, a row a score; None: the version failed.

    Args:
        at: of the first call, each next one a millisecond later; None: now.
        truths: by call, where there is one.
        fields: others of the row: a list gives each call its own.
    """
    moment = at or datetime.now(UTC)
    day = moment.date()
    make_partitions(day)
    calls = [
        _call(
            version,
            of_call,
            min(moment + timedelta(milliseconds=place), _last_of(day)),
            {name: v[place] if type(v) is list else v for name, v in fields.items()},
        )
        for place, of_call in enumerate(scores)
    ]
    LoggedPrediction.objects.bulk_create(calls)
    tell_truths(calls, truths)
    return calls


def _call(
    version: ModelVersion, scores: Sequence[float] | None, at: datetime, fields: dict[str, Any]
) -> LoggedPrediction:
    values = {
        "arm": "main",
        "alias": "champion",
        "latency_us": 100,
        "rows": 1 if scores is None else len(scores),
        "features": None if scores is None else [[score] for score in scores],
        **fields,
    }
    return LoggedPrediction(
        id=id_at(at),
        day=at.date(),
        at=at,
        model_id=version.model_id,
        version_id=version.pk,
        scores=None if scores is None else list(scores),
        outcome="model_output_invalid" if scores is None else "ok",
        **values,
    )


def tell_truths(
    calls: Sequence[LoggedPrediction],
    truths: Sequence[Sequence[float | None] | None],
    *,
    at: datetime | None = None,
) -> None:
    PredictionTruth.objects.bulk_create(
        PredictionTruth(
            id=call.pk,
            day=call.day,
            model_id=call.model_id,
            version_id=call.version_id,
            truths=list(truth),
            received_at=at or call.at,
        )
        for call, truth in zip(calls, truths, strict=False)
        if truth is not None
    )


def measure(version: ModelVersion, day: date) -> None:
    """A day of quality and a reading of drift, as if the jobs had looked."""
    VersionQuality.objects.get_or_create(
        version=version,
        day=day,
        defaults={"calls": 2, "rows": 2, "truths": 1, "latency_us": {"p50": 100}},
    )
    DriftReference.objects.get_or_create(
        version=version,
        feature="amount",
        defaults={"edges": [0.5], "counts": [6, 4], "rows": 10, "source": "training"},
    )
    DriftReading.objects.get_or_create(
        version=version,
        day=day,
        feature="amount",
        defaults={
            "rows": 1_000,
            "psi": 0.01,
            "threshold": 0.1,
            "drifted": False,
            "counts": [600, 400, 0],
        },
    )


def _last_of(day: date) -> datetime:
    return datetime.combine(day, time.max, tzinfo=UTC)
