"""What can go wrong with models, versions, aliases and artefacts."""

from __future__ import annotations

from core.errors import (
    ConflictError,
    GoneError,
    InvalidError,
    NotFoundError,
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
    """An alias, a rollout, a canary, a shadow or an open promotion names the version."""

    code = "version_in_use"
    title = "This model version is in use."
    remedy = "`uses` says what names it: move the alias, end the canary or decide the promotion."


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
