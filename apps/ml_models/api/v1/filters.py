"""Query parameters of the lists."""

from __future__ import annotations

from apps.ml_models.models import BatchPrediction, ModelVersion, Promotion, Replay
from core.api.typed_filters import (
    BOOLEAN,
    EXACT,
    ID,
    NULL,
    ONE_OF,
    PART,
    RANGE,
    TEXT,
    TIME,
    Typed,
    TypedFilterSet,
    choice,
    integer,
)

NUMBER_MAX = 2**31 - 1
COUNT = integer(0, 2**63 - 1)
TIMED = (Typed("created_at", TIME, RANGE), Typed("updated_at", TIME, RANGE))


class ModelFilter(TypedFilterSet):
    typed = (
        *TIMED,
        Typed("name", TEXT, ONE_OF + PART),
        Typed("is_default", BOOLEAN, EXACT),
    )


class VersionFilter(TypedFilterSet):
    typed = (
        *TIMED,
        Typed("state", choice(ModelVersion.State.values), ONE_OF),
        Typed("version", integer(1, NUMBER_MAX), ONE_OF + RANGE, "number"),
        Typed("engine", choice(ModelVersion.Engine.values), ONE_OF),
        Typed("artefact_digest", TEXT, ONE_OF),
        Typed("upload_digest", TEXT, ONE_OF),
        Typed("validated_at", TIME, RANGE + NULL),
        Typed("retired_at", TIME, RANGE + NULL),
    )


class BatchPredictionFilter(TypedFilterSet):
    typed = (
        *TIMED,
        Typed("status", choice(BatchPrediction.Status.values), ONE_OF),
        Typed("model", TEXT, ONE_OF + PART, "version__model__name", about="Name of a model."),
        Typed("version", integer(1, NUMBER_MAX), ONE_OF + RANGE, "version__number"),
        Typed("alias", TEXT, ONE_OF, about="The alias asked for."),
        Typed("application_id", ID, ONE_OF + NULL),
        Typed("detail_code", TEXT, ONE_OF, about="Why it failed, e.g. invalid_file."),
        Typed("total_rows", COUNT, RANGE + NULL),
        Typed("failed_rows", COUNT, RANGE),
        Typed("started_at", TIME, RANGE + NULL),
        Typed("finished_at", TIME, RANGE + NULL),
        Typed("expires_at", TIME, RANGE),
    )


class PromotionFilter(TypedFilterSet):
    typed = (
        *TIMED,
        Typed("state", choice(Promotion.State.values), ONE_OF),
        Typed("alias", TEXT, ONE_OF),
        Typed("version", integer(1, NUMBER_MAX), ONE_OF, "version__number"),
        Typed("four_eyes", BOOLEAN, EXACT),
        Typed("decided_at", TIME, RANGE + NULL),
    )


class ReplayFilter(TypedFilterSet):
    typed = (
        *TIMED,
        Typed("state", choice(Replay.State.values), ONE_OF),
        Typed("version", integer(1, NUMBER_MAX), ONE_OF, "candidate__number"),
        Typed("against", integer(1, NUMBER_MAX), ONE_OF, "baseline__number"),
        Typed("finished_at", TIME, RANGE + NULL),
    )
