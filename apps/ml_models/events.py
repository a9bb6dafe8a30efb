"""Events this app publishes: what each means, the data it carries, who hears of it.

Which models there are and what their aliases point at is for everybody who may call them.
"""

from __future__ import annotations

from typing import Annotated, Final, TypedDict

from core.outbox import Audience, EventType, declare

MODEL_PATH: Final = "/api/v1/models/{model}"
VERSION_PATH: Final = "/api/v1/models/{model}/versions/{version}"
BATCH_PATH: Final = "/api/v1/batch-predictions/{object_id}"


class AliasMovedData(TypedDict):
    model: Annotated[str, "Name of the model."]
    alias: Annotated[str, "Name of the alias, e.g. champion."]
    version: Annotated[int | None, "What it points at now; null: the alias is gone."]
    previous_version: Annotated[int | None, "What it pointed at; null: the alias is new."]
    generation: Annotated[int, "Counts all changes of what is served; a larger one is newer."]


class DefaultMovedData(TypedDict):
    model: Annotated[str, "The model that POST /predict asks now."]
    previous_model: Annotated[str | None, "The one that it asked; null: there was none."]
    generation: Annotated[int, "Counts all changes of what is served; a larger one is newer."]


class VersionData(TypedDict):
    model: Annotated[str, "Name of the model."]
    version: Annotated[int, "Number of the version."]
    state: Annotated[str, "What became of it: ready, rejected or retired."]


class RejectedVersionData(VersionData):
    reason_code: Annotated[str, "Why, stable, e.g. class_not_allowed."]


class BatchCounts(TypedDict):
    total: Annotated[int | None, "Rows of the input; null until they are counted."]
    succeeded: Annotated[int, "Rows with a prediction."]
    failed: Annotated[int, "Rows that could not be predicted."]


class BatchData(TypedDict):
    model: Annotated[str, "Name of the model that was asked."]
    version: Annotated[int, "Number of its version, fixed when the work was submitted."]
    status: Annotated[str, "Of the batch prediction."]
    counts: Annotated[BatchCounts, "Rows."]


ALIAS_MOVED: Final = declare(
    EventType(
        name="model.alias_moved",
        object_type="model",
        summary="An alias of a model points at another version, is new, or is gone.",
        audience=Audience.EVERYBODY,
        data=AliasMovedData,
        example={
            "model": "purchase-intent",
            "alias": "champion",
            "version": 8,
            "previous_version": 7,
            "generation": 41,
        },
        path=MODEL_PATH,
    )
)

DEFAULT_MOVED: Final = declare(
    EventType(
        name="model.default_moved",
        object_type="model",
        summary="Another model answers where none is named.",
        audience=Audience.EVERYBODY,
        data=DefaultMovedData,
        example={"model": "purchase-intent", "previous_model": "churn", "generation": 42},
        path=MODEL_PATH,
    )
)


def _version(verb: str, summary: str) -> EventType[VersionData]:
    return declare(
        EventType(
            name=f"model_version.{verb}",
            object_type="model_version",
            summary=summary,
            audience=Audience.EVERYBODY,
            data=VersionData,
            example={"model": "purchase-intent", "version": 8, "state": verb},
            path=VERSION_PATH,
        )
    )


VERSION_READY = _version("ready", "A version has been validated and may be called.")
VERSION_RETIRED = _version("retired", "A version was taken out of use for good.")
VERSION_REJECTED: Final = declare(
    EventType(
        name="model_version.rejected",
        object_type="model_version",
        summary="An upload was looked into and refused.",
        audience=Audience.MAKER_IF_KNOWN,
        data=RejectedVersionData,
        example={
            "model": "purchase-intent",
            "version": 9,
            "state": "rejected",
            "reason_code": "class_not_allowed",
        },
        path=VERSION_PATH,
    )
)


def _batch(status: str, summary: str, counts: BatchCounts) -> EventType[BatchData]:
    return declare(
        EventType(
            name=f"batch_prediction.{status}",
            object_type="batch_prediction",
            summary=summary,
            audience=Audience.MAKER,
            data=BatchData,
            example={"model": "purchase-intent", "version": 8, "status": status, "counts": counts},
            path=BATCH_PATH,
        )
    )


def _counts(total: int | None, succeeded: int, failed: int) -> BatchCounts:
    return {"total": total, "succeeded": succeeded, "failed": failed}


BATCH_QUEUED = _batch("queued", "It was submitted and waits for its turn.", _counts(None, 0, 0))
BATCH_RUNNING = _batch("running", "Work on it has begun.", _counts(None, 0, 0))
BATCH_SUCCEEDED = _batch("succeeded", "Every row has a prediction.", _counts(5000, 5000, 0))
BATCH_PARTIALLY_SUCCEEDED = _batch(
    "partially_succeeded",
    "It is done; some rows could not be predicted.",
    _counts(5000, 4990, 10),
)
BATCH_FAILED = _batch("failed", "It has ended without a result.", _counts(5000, 0, 5000))
BATCH_CANCELLED = _batch("cancelled", "It was stopped as asked.", _counts(5000, 1200, 0))
BATCH_EXPIRED = _batch("expired", "Its results have been deleted.", _counts(5000, 5000, 0))
