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
    code = "model_not_found"
    title = "There is no such model."


class ModelVersionNotFoundError(NotFoundError):
    code = "model_version_not_found"
    title = "The model has no such version."


class ModelAliasNotFoundError(NotFoundError):
    code = "model_alias_not_found"
    title = "The model has no such alias."


class NoDefaultModelError(NotFoundError):
    """Nobody has marked a model as the default one, so `POST /predict` must name its model."""

    code = "no_default_model"
    title = "No model is marked as the default."


class ModelVersionRetiredError(GoneError):
    code = "model_version_retired"
    title = "This model version has been retired."


class ModelVersionNotReadyError(ConflictError):
    """The version is still being validated, or was rejected: it cannot be used as asked."""

    code = "version_not_ready"
    title = "This model version is not ready."


class ModelVersionInUseError(ConflictError):
    code = "version_in_use"
    title = "An alias points at this model version."


class ModelNameTakenError(ConflictError):
    code = "model_name_taken"
    title = "A model of this name exists; case does not distinguish names."


class DefaultModelNeedsChampionError(ConflictError):
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


class OverloadedError(UnavailableError):
    code = "overloaded"
    title = "As many predictions are running as may run."


class ModelOutputInvalidError(InternalError):
    code = "model_output_invalid"
    title = "The model answered with something that is not a finite number."


class InvalidFeaturesError(InvalidError):
    code = "invalid_features"
    title = "The features do not fit the model's signature."


class FeaturesMissingError(InvalidError):
    code = "features_missing"
    title = "The request has no features."


class TooManyRowsError(TooLargeError):
    code = "too_many_rows"
    title = "More rows than one call may have: use a batch prediction."


class InvalidNameError(InvalidError):
    code = "invalid_name"
    title = "This name is not allowed."


class ArtefactNotAcceptedError(InvalidError):
    code = "artefact_not_accepted"
    title = "The uploaded file is not a Keras archive."


class ArtefactTooLargeError(TooLargeError):
    code = "artefact_too_large"
    title = "The uploaded artefact is larger than allowed."


class ArtefactMissingError(UnavailableError):
    code = "artefact_missing"
    title = "The artefact's content cannot be read."


class InvalidFileError(InvalidError):
    code = "invalid_file"
    title = "The file cannot be read as rows of features."


class FileTooLargeError(TooLargeError):
    code = "file_too_large"
    title = "The file is larger than a batch prediction may have."


class TooManyBatchPredictionsError(QuotaExceededError):
    code = "too_many_batch_predictions"
    title = "As many of your batch predictions are unfinished as may be."


class BatchPredictionNotFoundError(NotFoundError):
    code = "batch_prediction_not_found"
    title = "There is no such batch prediction."


class BatchPredictionFinishedError(ConflictError):
    code = "batch_prediction_finished"
    title = "The batch prediction has already finished."


class BatchPredictionNotFinishedError(ConflictError):
    code = "batch_prediction_not_finished"
    title = "The batch prediction has not finished."


class BatchPredictionExpiredError(GoneError):
    code = "batch_prediction_expired"
    title = "The results were kept as long as promised and are gone."


class RangeNotSatisfiableError(InvalidError):
    code = "range_not_satisfiable"
    title = "The Range header asks for bytes that are not there."


class LeaseLostError(Exception):
    """This worker's lease on a chunk ran out: whatever it still does must not be stored."""
