"""Query parameters of the lists of predictions, quality and drift."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from apps.ml_models.api.v1.filters import NUMBER_MAX
from apps.ml_models.models import LoggedPrediction
from apps.ml_models.selectors import predictions
from core.api.typed_filters import (
    BOOLEAN,
    EXACT,
    ID,
    NULL,
    ONE_OF,
    RANGE,
    TEXT,
    TIME,
    Kind,
    Typed,
    TypedFilterSet,
    choice,
    integer,
)

DAY_TEXT: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _parse_day(text: str) -> date:
    if DAY_TEXT.fullmatch(text) is None:
        raise ValueError(text)
    return date.fromisoformat(text)


DAY: Final = Kind(_parse_day, "A day (UTC), e.g. 2030-01-31.", {"type": "string", "format": "date"})


class PredictionFilter(TypedFilterSet):
    typed = (
        Typed("created_at", TIME, RANGE, apply=predictions.answered_at),
        Typed("model", TEXT, ONE_OF, "version__model__name", about="Name of a model."),
        Typed("version", integer(1, NUMBER_MAX), ONE_OF, "version__number"),
        Typed("alias", TEXT, ONE_OF, about="The alias asked for."),
        Typed("arm", choice(LoggedPrediction.Arm.values), ONE_OF),
        Typed("outcome", TEXT, ONE_OF, about="ok, or the code of what went wrong."),
        Typed("application_id", ID, ONE_OF + NULL),
    )


class QualityFilter(TypedFilterSet):
    typed = (Typed("day", DAY, EXACT + RANGE),)


class DriftFilter(TypedFilterSet):
    typed = (
        Typed("day", DAY, EXACT + RANGE),
        Typed("feature", TEXT, ONE_OF, about="Its name."),
        Typed("drifted", BOOLEAN, EXACT),
    )
