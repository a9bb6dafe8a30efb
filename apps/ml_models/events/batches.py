"""Events of batch predictions: for whoever submitted them."""

from __future__ import annotations

from typing import Annotated, Final, TypedDict

from core.outbox import Audience, EventType, declare

BATCH_PATH: Final = "/api/v1/batch-predictions/{object_id}"


class BatchCounts(TypedDict):
    total: Annotated[int | None, "Rows of the input; null until they are counted."]
    succeeded: Annotated[int, "Rows with a prediction."]
    failed: Annotated[int, "Rows that could not be predicted."]


class BatchData(TypedDict):
    model: Annotated[str, "Name of the model that was asked."]
    version: Annotated[int, "Number of its version, fixed when the work was submitted."]
    status: Annotated[str, "Of the batch prediction."]
    counts: Annotated[BatchCounts, "Rows."]


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
