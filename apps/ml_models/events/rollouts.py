"""Events of rollouts: a version has reached all processes, or could not."""

from __future__ import annotations

from typing import Annotated, Final, TypedDict

from apps.ml_models.events.registry import MODEL_PATH
from core.outbox import Audience, EventType, declare


class RolloutData(TypedDict):
    model: Annotated[str, "Name of the model."]
    alias: Annotated[str, "Name of the alias, e.g. champion."]
    rollout: Annotated[str, "Id of the rollout."]
    version: Annotated[int, "The version that was to answer."]
    previous_version: Annotated[int | None, "The one that answered before; null: the alias is new."]


class FailedRolloutData(RolloutData):
    reason_code: Annotated[str, "Why, stable, e.g. artefact_digest_mismatch or rollout_timeout."]


ROLLOUT_LIVE: Final = declare(
    EventType(
        name="model.rollout_live",
        object_type="model",
        summary="Every process has a version warm, and callers of the alias get it from now on.",
        audience=Audience.EVERYBODY,
        data=RolloutData,
        example={
            "model": "purchase-intent",
            "alias": "champion",
            "rollout": "0198f2c5-1b2c-7d3e-8f90-a1b2c3d4e5f6",
            "version": 8,
            "previous_version": 7,
        },
        path=MODEL_PATH,
    )
)

ROLLOUT_FAILED: Final = declare(
    EventType(
        name="model.rollout_failed",
        object_type="model",
        summary="A version could not be served, and the alias leads to the one before again.",
        audience=Audience.EVERYBODY,
        data=FailedRolloutData,
        example={
            "model": "purchase-intent",
            "alias": "champion",
            "rollout": "0198f2c5-1b2c-7d3e-8f90-a1b2c3d4e5f6",
            "version": 8,
            "previous_version": 7,
            "reason_code": "artefact_digest_mismatch",
        },
        path=MODEL_PATH,
    )
)
