"""What can go wrong with the prediction log and what is said of it later."""

from __future__ import annotations

from core.errors import GoneError, InvalidError, NotFoundError, UnavailableError


class PredictionNotLoggedError(NotFoundError):
    """Only a share of the calls is logged, and for some days; or the prediction is not yours."""

    code = "prediction_not_logged"
    title = "The prediction log does not have this prediction."
    remedy = (
        "Send `Prediction-Log: always` with a call whose outcome you will report: it is logged "
        "whatever the model's share is."
    )


class PredictionNotWrittenYetError(UnavailableError):
    """The log is written a moment after the answer, and this id is younger than that."""

    code = "prediction_not_written_yet"
    title = "The prediction was answered just now and is not in the log yet."
    remedy = "Try again in a second."


class PredictionExpiredError(GoneError):
    """Logged predictions are kept for some days, and those of this one are over."""

    code = "prediction_expired"
    title = "The prediction was kept as long as promised and is gone."


class InvalidTruthError(InvalidError):
    """The truth is not one that this model could have predicted, or is not one a row."""

    code = "invalid_truth"
    title = "This cannot be the truth of this prediction."
    remedy = (
        "Send one value for each row: a class by its label or position, a number where the model "
        "answers with one, or null where it is not known."
    )
