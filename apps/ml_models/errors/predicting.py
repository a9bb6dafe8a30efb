"""What can go wrong with a prediction; serving's own errors become these."""

from __future__ import annotations

from core.errors import (
    InternalError,
    InvalidError,
    TooLargeError,
    UnavailableError,
)


class ModelNotReadyError(UnavailableError):
    """This process has not loaded the version yet, or could not."""

    code = "model_not_ready"
    title = "The model is not loaded yet."
    remedy = "Wait a second and try again; `GET /models/{name}` shows where it is loaded."


class OverloadedError(UnavailableError):
    """As many predictions as may run at once are running in this process; nothing was computed."""

    code = "overloaded"
    title = "As many predictions are running as may run."


class ModelOutputInvalidError(InternalError):
    """A number that the model computed is NaN or infinite; no part of the answer is given."""

    code = "model_output_invalid"
    title = "The model answered with something that is not a finite number."


class InvalidFeaturesError(InvalidError):
    """A row has a missing, unknown or impossible value; `errors` says in which row, and where."""

    code = "invalid_features"
    title = "The features do not fit the model's signature."
    remedy = "Compare the rows with the `signature` that `GET /models/{name}` shows."


class FeaturesMissingError(InvalidError):
    """The body has no `features`, so there is nothing to predict from."""

    code = "features_missing"
    title = "The request has no features."


class TooManyRowsError(TooLargeError):
    """One call predicts so many rows at most; for more there are batch predictions."""

    code = "too_many_rows"
    title = "More rows than one call may have: use a batch prediction."
    remedy = "Use `POST /batch-predictions`, or several calls."
