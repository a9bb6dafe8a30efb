"""What the prediction log holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db.models import Max

from apps.ml_models.errors import (
    PredictionExpiredError,
    PredictionNotLoggedError,
    PredictionNotWrittenYetError,
)
from apps.ml_models.models import OK, LoggedPrediction, ModelPolicy, PredictionTruth
from core.db.shaping import as_it_is

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from core.db.shaping import Shape
    from core.security.principal import Principal

MILLISECONDS_AT: Final = 80  # bit of a UUIDv7 from which on the Unix time stands (RFC 9562 5.7)
WRITTEN_WITHIN: Final = timedelta(seconds=5)  # of an answer its row is there, the database willing
RETRY_AFTER: Final = 1  # seconds; the log is written once a second
DEFAULT_DAYS: Final = ModelPolicy().log_days
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
ERASING: Final = "erasing predictions"
"""A name to share while storing what comes of logged calls, and to lock before taking it away."""


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One logged call, to be run again or counted.

    Attributes:
        features: its logged rows, each a list of values in the signature's order, not encoded.
        scores: one a logged row.
    """

    id: UUID
    at: datetime
    version_id: UUID
    features: Sequence[Sequence[object]]
    scores: Sequence[float]


def recent_calls(*, model_id: UUID, limit: int, before: UUID | None = None) -> list[LoggedCall]:
    """The newest answered calls of a model, newest first, whatever version answered.

    With `before`, only those older than that prediction: the next page.
    """
    answered = LoggedPrediction.objects.filter(
        model_id=model_id, outcome=OK, features__isnull=False, scores__isnull=False
    )
    if before is not None:
        answered = answered.filter(id__lt=before, day__lte=day_of_id(before))
    rows = answered.order_by("-id").values_list("id", "at", "version_id", "features", "scores")
    return [
        LoggedCall(pk, at, version_id, features or (), scores or ())
        for pk, at, version_id, features, scores in rows[:limit]
    ]


# -- One's own


def predictions_visible_to(principal: Principal, *, now: datetime) -> QuerySet[LoggedPrediction]:
    """A person sees all of theirs; an application only what it asked itself.

    The days are always bounded, so that those which are made ahead are not looked at.
    """
    today = now.astimezone(UTC).date()
    rows = LoggedPrediction.objects.filter(
        user_id=principal.user_id, day__gte=today - timedelta(days=longest_kept()), day__lte=today
    )
    if principal.application_id is not None:
        rows = rows.filter(application_id=principal.application_id)
    return rows


def answered_at(
    rows: QuerySet[LoggedPrediction], operator: str, moment: datetime
) -> QuerySet[LoggedPrediction]:
    """Of these those before or after a moment, looked for in the partitions of its side alone.

    The partition is that of the id, made when the call began: at midnight a day before the answer.

    Args:
        rows: predictions.
        operator: gt, gte, lt or lte.
        moment: aware, UTC.
    """
    if operator.startswith("l"):
        return rows.filter(**{f"at__{operator}": moment}, day__lte=moment.date())
    since = moment.date() - timedelta(days=moment.date() > date.min)
    return rows.filter(**{f"at__{operator}": moment}, day__gte=since)


def prediction_for(
    principal: Principal,
    prediction_id: UUID,
    *,
    now: datetime,
    shape: Shape[LoggedPrediction] = as_it_is,
) -> LoggedPrediction:
    """One logged prediction.

    Raises:
        PredictionNotWrittenYetError: it was answered just now, and its row may be on its way.
        PredictionExpiredError: predictions of that day are kept no more.
        PredictionNotLoggedError: it is not in the log, or it is somebody else's.
    """
    rows = predictions_visible_to(principal, now=now)
    row = shape(rows.filter(day=day_of_id(prediction_id), id=prediction_id)).first()
    if row is None:
        raise _absent(prediction_id, now)
    return row


def _absent(prediction_id: UUID, now: datetime) -> Exception:
    """Why a prediction is not to be had; it tells nothing that the id itself does not."""
    made = made_at(prediction_id)
    if now - WRITTEN_WITHIN < made <= now + WRITTEN_WITHIN:
        detail = f"{prediction_id} is not in the log; if it is logged, it will be in a second."
        return PredictionNotWrittenYetError(detail, retry_after=RETRY_AFTER)
    kept = longest_kept()
    if made > EPOCH and made.date() < now.astimezone(UTC).date() - timedelta(days=kept):
        return PredictionExpiredError(f"Predictions are kept for {kept} days at most.")
    return PredictionNotLoggedError(f"There is no prediction {prediction_id} in the log.")


def made_at(prediction_id: UUID) -> datetime:
    """When an id was made, as it says itself; of one that is no UUIDv7, the beginning of 1970."""
    if prediction_id.version != 7:  # noqa: PLR2004 - RFC 9562 section 5.7
        return EPOCH
    try:
        return EPOCH + timedelta(milliseconds=prediction_id.int >> MILLISECONDS_AT)
    except OverflowError:  # a time beyond the calendar
        return EPOCH


def day_of_id(prediction_id: UUID) -> date:
    """The day (UTC) of a prediction: that of its id, and so its partition."""
    return made_at(prediction_id).date()


def first_id_of(day: date) -> UUID:
    """The least id (UUIDv7) that a prediction of a day (UTC) can have; not before 1970."""
    since = datetime(day.year, day.month, day.day, tzinfo=UTC) - EPOCH
    return UUID(int=since // timedelta(milliseconds=1) << MILLISECONDS_AT)


def erased_among(ids: set[UUID]) -> set[UUID]:
    """Of these predictions those that were erased; one that is not logged (yet) is none."""
    rows = LoggedPrediction.objects.filter(day__in=set(map(day_of_id, ids)), id__in=ids)
    return set(rows.filter(user_id=None, caller="").values_list("id", flat=True))


def longest_kept() -> int:
    """Days that predictions are kept by the model that keeps them longest."""
    longest = ModelPolicy.objects.aggregate(days=Max("log_days"))["days"]
    return max(DEFAULT_DAYS, longest or 0)


def truth_of(row: LoggedPrediction) -> PredictionTruth | None:
    """What turned out to be true of a prediction, as far as somebody has said so."""
    return PredictionTruth.objects.filter(day=row.day, id=row.pk).first()
