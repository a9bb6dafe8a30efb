"""Events of what the platform has noticed of models in use."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypedDict

from apps.ml_models.events.registry import VERSION_PATH
from core.outbox import Audience, EventType, declare


class DriftedFeature(TypedDict):
    feature: Annotated[str | None, "Name of the feature; null: the score itself."]
    psi: Annotated[float, "Population stability index of the day against the reference."]
    threshold: Annotated[float, "What it is above, for so many rows, bins and features."]


class DriftData(TypedDict):
    model: Annotated[str, "Name of the model."]
    version: Annotated[int, "Number of the version."]
    day: Annotated[str, "UTC, e.g. 2026-03-01."]
    rows: Annotated[int, "Logged rows of the day that were looked at."]
    severity: Annotated[
        Literal["warn", "retrain"],
        "Retrain: the score has drifted, and its calibration is off as well.",
    ]
    features: Annotated[list[DriftedFeature], "What has drifted, the furthest first; 20 at most."]


DRIFT_DETECTED: Final = declare(
    EventType(
        name="model.drift_detected",
        object_type="model",
        summary="What a version is asked, or answers, is spread otherwise than it was.",
        audience=Audience.EVERYBODY,
        data=DriftData,
        example={
            "model": "purchase-intent",
            "version": 8,
            "day": "2026-03-01",
            "rows": 4210,
            "severity": "warn",
            "features": [{"feature": "PageValues", "psi": 0.31, "threshold": 0.1}],
        },
        path=VERSION_PATH,
    )
)
