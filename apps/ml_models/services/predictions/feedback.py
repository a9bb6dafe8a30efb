"""What turned out to be true of a prediction: said by whoever asked; the last word stands."""

from __future__ import annotations

import math
from math import prod
from typing import TYPE_CHECKING, Final

from django.db import transaction

from apps.ml_models.errors import InvalidTruthError
from apps.ml_models.models import LoggedPrediction, PredictionTruth
from apps.ml_models.selectors.predictions import prediction_for
from apps.ml_models.selectors.promotions import policy_of
from core.errors import FieldError
from serving.signature import Signature

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from core.security.principal import Principal
    from serving.signature import Output

LABELS_SHOWN = 10  # class labels that a refusal lists
TRUTH_MAX: Final = 3.4028234663852886e38  # of float32, in which models answer; figures square it


@transaction.atomic
def give_feedback(
    *, prediction_id: UUID, truth: object, caller: Principal, now: datetime
) -> tuple[PredictionTruth, bool]:
    """Store what turned out to be true, and whether it is the first that was said of it.

    The prediction's row is locked: of two at once one is the last word, and none comes behind an
    erasure.

    Args:
        prediction_id: of a logged prediction of the caller's.
        truth: one value, or a list of one for each row of the call: the label or position of a
            class, a number where the model answers with one, None where it is not known.
        caller: who says so.
        now: when.

    Raises:
        PredictionNotLoggedError, PredictionNotWrittenYetError, PredictionExpiredError: as named.
        InvalidTruthError: names each value that cannot be.
    """
    row = prediction_for(caller, prediction_id, now=now, shape=_locked)
    facts = {
        "truths": _truths(truth, rows=row.rows, output=_scored_output(row)),
        "received_at": now,
        "user_id": caller.user_id,
        "application_id": caller.application_id,
    }
    there = PredictionTruth.objects.filter(day=row.day, id=row.pk)
    if there.update(**facts):
        return there.get(), False
    made = PredictionTruth.objects.create(
        id=row.pk, day=row.day, model_id=row.model_id, version_id=row.version_id, **facts
    )
    return made, True


def _locked(rows: QuerySet[LoggedPrediction]) -> QuerySet[LoggedPrediction]:
    return rows.select_related("version__model").select_for_update(of=("self",), no_key=True)


def _scored_output(row: LoggedPrediction) -> Output:
    """The output that the score is of; the first where the policy names one that is not there."""
    outputs = Signature.from_document(row.version.signature).outputs
    named = policy_of(row.version.model).score_output
    return next((output for output in outputs if output.name == named), outputs[0])


def _truths(truth: object, *, rows: int, output: Output) -> list[float | None]:
    """One number a row: 0 or 1, the position of a class, or the number itself."""
    values = truth if isinstance(truth, list) else [truth]
    if len(values) != rows:
        detail = f"The call had {rows} rows, so a list of as many is needed; {len(values)} came."
        raise _invalid(FieldError("wrong_length", detail, pointer="#/truth"))
    faults, truths = [], []
    for index, value in enumerate(values):
        number = _number(value, output)
        if value is not None and number is None:
            pointer = f"#/truth/{index}" if isinstance(truth, list) else "#/truth"
            faults.append(FieldError("invalid_truth", _expected(output), pointer=pointer))
        truths.append(number)
    if faults:
        raise _invalid(*faults[:LABELS_SHOWN])
    return truths


def _invalid(*faults: FieldError) -> InvalidTruthError:
    return InvalidTruthError(faults[0].detail, errors=faults)


def _classes(output: Output) -> int:
    """How many classes there are to choose from; 0: the output is a number."""
    if output.class_labels:
        return len(output.class_labels)
    size = prod(output.shape)
    return size if size > 1 else 0


def _number(value: object, output: Output) -> float | None:
    """A value as it is stored; None: it is none that this output could have been right about."""
    classes = _classes(output)
    if isinstance(value, str):
        labels = output.class_labels
        return float(labels.index(value)) if value in labels else None
    if isinstance(value, bool):
        return float(value) if classes in {0, 2} else None
    if classes:
        return float(value) if isinstance(value, int) and 0 <= value < classes else None
    try:
        number = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return None
    return number if abs(number) <= TRUTH_MAX else None


def _expected(output: Output) -> str:
    classes = _classes(output)
    if not classes:
        return f"A number from {-TRUTH_MAX:.2g} to {TRUTH_MAX:.2g}, true or false, or null."
    labels = ", ".join(output.class_labels[:LABELS_SHOWN])
    named = f"One of the classes {labels}, or its" if labels else "A class by its"
    return f"{named} position from 0 to {classes - 1}, or null."
