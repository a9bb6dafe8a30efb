"""What a list of rollouts can be asked for."""

from __future__ import annotations

from apps.ml_models.api.v1.filters import NUMBER_MAX, TIMED
from apps.ml_models.models import Rollout
from core.api.typed_filters import (
    NULL,
    ONE_OF,
    RANGE,
    TEXT,
    TIME,
    Typed,
    TypedFilterSet,
    choice,
    integer,
)


class RolloutFilter(TypedFilterSet):
    typed = (
        *TIMED,
        Typed("state", choice(Rollout.State.values), ONE_OF),
        Typed("kind", choice(Rollout.Kind.values), ONE_OF),
        Typed("alias", TEXT, ONE_OF),
        Typed("version", integer(1, NUMBER_MAX), ONE_OF, "version__number"),
        Typed("ended_at", TIME, RANGE + NULL),
    )
