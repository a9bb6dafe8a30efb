"""What can go wrong with models and predictions, by name; serving's own errors become these."""

from __future__ import annotations

from core.errors import (
    ConflictError,
    GoneError,
    InternalError,
    InvalidError,
    NotFoundError,
    QuotaExceededError,
    TooLargeError,
    UnavailableError,
)


class ModelNotFoundError(NotFoundError):
    """No model has this name; `GET /models` lists those that there are."""

    code = "model_not_found"
    title = "There is no such model."


class ModelVersionNotFoundError(NotFoundError):
    """The model has no version of this number."""

    code = "model_version_not_found"
    title = "The model has no such version."


class ModelAliasNotFoundError(NotFoundError):
    """The model has no alias of this name; a prediction without one asks for `champion`."""

    code = "model_alias_not_found"
    title = "The model has no such alias."


class NoDefaultModelError(NotFoundError):
    """Nobody has marked a model as the default one, so `POST /predict` must name its model."""

    code = "no_default_model"
    title = "No model is marked as the default."
    remedy = 'Name a model: `"model"` in the body, or `POST /models/{name}/predict`.'


class ModelVersionRetiredError(GoneError):
    """The version was taken out of use for good; it answers no more."""

    code = "model_version_retired"
    title = "This model version has been retired."


class ModelVersionNotReadyError(ConflictError):
    """The version is still being validated, or was rejected: it cannot be used as asked."""

    code = "version_not_ready"
    title = "This model version is not ready."


class ModelVersionInUseError(ConflictError):
    """A version that an alias points at answers calls, so it cannot be taken away."""

    code = "version_in_use"
    title = "An alias points at this model version."


class ModelNameTakenError(ConflictError):
    """Another model has this name already."""

    code = "model_name_taken"
    title = "A model of this name exists; case does not distinguish names."


class DefaultModelNeedsChampionError(ConflictError):
    """`POST /predict` asks the default model's champion, so there must be one."""

    code = "default_model_needs_champion"
    title = "The default model must have the alias champion."


class RuntimeUnavailableError(ConflictError):
    """The version needs TensorFlow and the web processes may not load it."""

    code = "runtime_unavailable"
    title = "The platform may not run the engine that this version needs."


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


class InvalidNameError(InvalidError):
    """Names are of letters, digits, `.`, `_` and `-`, and some are reserved."""

    code = "invalid_name"
    title = "This name is not allowed."


class ArtefactNotAcceptedError(InvalidError):
    """What was uploaded is no `.keras` archive, or holds something that one must not hold."""

    code = "artefact_not_accepted"
    title = "The uploaded file is not a Keras archive."


class ArtefactTooLargeError(TooLargeError):
    """The uploaded artefact has more bytes than are taken."""

    code = "artefact_too_large"
    title = "The uploaded artefact is larger than allowed."


class ArtefactMissingError(UnavailableError):
    """The file of this version is not where it should be; staff have to bring it back."""

    code = "artefact_missing"
    title = "The artefact's content cannot be read."


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
