"""Events of canaries: some callers of an alias are answered by another version."""

from __future__ import annotations

from typing import Annotated, Final, TypedDict

from apps.ml_models.events.registry import MODEL_PATH
from core.outbox import Audience, EventType, declare


class CanaryData(TypedDict):
    model: Annotated[str, "Name of the model."]
    alias: Annotated[str, "The alias whose callers are shared."]
    version: Annotated[int, "The candidate, which answers some of them."]
    percent: Annotated[float, "The share of callers that it answers, 0 to 100."]
    generation: Annotated[int, "Counts all changes of what is served; a larger one is newer."]


class CanaryEndedData(CanaryData):
    state: Annotated[str, "How it ended: ended, or rolled_back by the platform's own guard."]
    code: Annotated[str, "Why, stable, e.g. stopped, promoted, alias_moved or error_share."]


EXAMPLE: CanaryData = {
    "model": "purchase-intent",
    "alias": "champion",
    "version": 8,
    "percent": 20.0,
    "generation": 43,
}


def _canary(verb: str, summary: str) -> EventType[CanaryData]:
    return declare(
        EventType(
            name=f"model.canary_{verb}",
            object_type="model",
            summary=summary,
            audience=Audience.EVERYBODY,
            data=CanaryData,
            example=EXAMPLE,
            path=MODEL_PATH,
        )
    )


CANARY_STARTED: Final = _canary("started", "Another version answers a share of an alias's callers.")
CANARY_CHANGED: Final = _canary("changed", "A canary answers another share of the callers.")
CANARY_ENDED: Final = declare(
    EventType(
        name="model.canary_ended",
        object_type="model",
        summary="A canary answers nobody any more; the alias's own version does.",
        audience=Audience.EVERYBODY,
        data=CanaryEndedData,
        example={**EXAMPLE, "percent": 0.0, "state": "rolled_back", "code": "error_share"},
        path=MODEL_PATH,
    )
)
