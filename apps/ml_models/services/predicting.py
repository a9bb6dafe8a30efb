"""One synchronous prediction: no query, no lock but the handle's count.

What serving raises becomes one of the app's own errors here, so the API knows one family only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from apps.ml_models import runtime
from apps.ml_models.errors import (
    InvalidFeaturesError,
    ModelNotReadyError,
    ModelOutputInvalidError,
    OverloadedError,
    RuntimeUnavailableError,
    TooManyRowsError,
)
from apps.ml_models.models import CHAMPION
from core.errors import DomainError, FieldError
from serving import errors as serving
from serving.predictor import InFlightLimit, PredictRequest
from serving.predictor import predict as predict_with

if TYPE_CHECKING:
    from apps.ml_models.runtime import Runtime, Target
    from serving.predictor import PredictResult

MAX_ROWS: int = settings.PREDICT_MAX_ROWS  # read once: settings are a proxy, and this path is hot
IN_FLIGHT_MAX = 64  # calls of one process in the engine at once; the next answers 503
RETRY_AFTER = 1  # seconds; loading a small model takes a fraction of it

_in_flight = InFlightLimit(IN_FLIGHT_MAX)


def predict(
    *,
    features: object,
    model_name: str | None = None,
    alias: str | None = None,
    number: int | None = None,
) -> PredictResult:
    """Ask a model for predictions.

    Args:
        features: rows in any form of serving.encoding.normalise_instances.
        model_name: None is the default model.
        alias: None, with no number, is `champion`.
        number: of a version; excludes alias and needs a model's name.

    Raises:
        NotFoundError: the model, version or alias.
        InvalidFeaturesError, TooManyRowsError: the rows.
        ModelNotReadyError: this process has not loaded the version (yet).
        DomainError: see apps.ml_models.errors.
    """
    process = runtime.current()
    if process is None:
        raise ModelNotReadyError("The model runtime is starting.", retry_after=RETRY_AFTER)
    target = _target(process, model_name, alias, number)
    try:
        return _predict(process, target, features)
    except serving.ServableNotReadyError as error:
        # The alias may have moved between our look at the routes and our hold on the version.
        again = _target(process, model_name, alias, number)
        if again is not target:
            return _predict(process, again, features)
        refusal = process.refusal_of(target.servable_id)
        if refusal is not None:  # an alias leads to it, set when TensorFlow was still allowed
            raise RuntimeUnavailableError(refusal.detail) from None
        raise ModelNotReadyError(error.detail, retry_after=RETRY_AFTER) from None


def _target(
    process: Runtime, model_name: str | None, alias: str | None, number: int | None
) -> Target:
    routes = process.routes
    if number is not None and model_name is not None:
        return routes.by_number(model_name, number)
    return routes.by_alias(model_name, CHAMPION if alias is None else alias)


def _predict(process: Runtime, target: Target, features: object) -> PredictResult:
    request = PredictRequest(target.servable_id, target.signature, features, MAX_ROWS)
    try:
        with _in_flight:
            return predict_with(process.manager, request)
    except serving.ServableNotReadyError:
        raise
    except serving.ServableNotFoundError:
        raise _not_loaded(process, target) from None
    except serving.ServingError as error:
        raise _as_domain_error(error) from error


def _not_loaded(process: Runtime, target: Target) -> DomainError:
    """A version without an alias is loaded when it is first asked for; meanwhile: try again."""
    failure = process.ask_for(target.servable_id)
    if failure is None:
        detail = f"{target.servable_id} is being loaded."
        return ModelNotReadyError(detail, retry_after=RETRY_AFTER)
    if isinstance(failure, serving.RuntimeUnavailableError):
        return RuntimeUnavailableError(failure.detail)
    return ModelNotReadyError(f"{target.servable_id} could not be loaded ({failure.code}).")


def _as_domain_error(error: serving.ServingError) -> DomainError:
    match error:
        case serving.InvalidInstancesError():
            return _invalid_features(error)
        case serving.TooManyInstancesError():
            return TooManyRowsError(error.detail, limit=error.limit)
        case serving.ModelOutputInvalidError():
            return ModelOutputInvalidError(error.detail)
        case serving.OverloadedError():
            return OverloadedError(error.detail, retry_after=RETRY_AFTER)
        case serving.RuntimeUnavailableError():
            return RuntimeUnavailableError(error.detail)
        case _:
            return ModelNotReadyError(error.detail, retry_after=RETRY_AFTER)


def _invalid_features(error: serving.InvalidInstancesError) -> InvalidFeaturesError:
    faults = tuple(
        FieldError(fault.code, _naming_row(fault), pointer=f"#/features{fault.pointer}")
        for fault in error.errors
    )
    return InvalidFeaturesError(faults[0].detail if faults else "", errors=faults)


def _naming_row(fault: serving.InstanceError) -> str:
    return fault.detail if fault.row is None else f"Row {fault.row}: {fault.detail}"
