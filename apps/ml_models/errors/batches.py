"""What can go wrong with batch predictions and their files."""

from __future__ import annotations

from core.errors import (
    ConflictError,
    GoneError,
    InvalidError,
    NotFoundError,
    QuotaExceededError,
    TooLargeError,
)


class InvalidFileError(InvalidError):
    """The file is not CSV or JSON Lines as they must be, or its header misses the features."""

    code = "invalid_file"
    title = "The file cannot be read as rows of features."


class FileTooLargeError(TooLargeError):
    """The file has more bytes than a batch prediction takes."""

    code = "file_too_large"
    title = "The file is larger than a batch prediction may have."


class TooManyBatchPredictionsError(QuotaExceededError):
    """As many of your batch predictions as may wait or run at once are doing so."""

    code = "too_many_batch_predictions"
    title = "As many of your batch predictions are unfinished as may be."


class BatchPredictionNotFoundError(NotFoundError):
    """None of that id, or it is somebody else's."""

    code = "batch_prediction_not_found"
    title = "There is no such batch prediction."


class BatchPredictionFinishedError(ConflictError):
    """What has finished cannot be cancelled."""

    code = "batch_prediction_finished"
    title = "The batch prediction has already finished."


class BatchPredictionNotFinishedError(ConflictError):
    """Results can be downloaded once the batch prediction has finished."""

    code = "batch_prediction_not_finished"
    title = "The batch prediction has not finished."
    remedy = "Read its `status` until it has finished, or have a webhook tell you."


class BatchPredictionExpiredError(GoneError):
    """Results are kept for some time after the end, and that time is over."""

    code = "batch_prediction_expired"
    title = "The results were kept as long as promised and are gone."


class LeaseLostError(Exception):
    """This worker's lease on a chunk ran out: whatever it still does must not be stored."""
