"""One synchronous prediction: no query, no lock but the handle's count.

What serving raises becomes one of the app's own errors here, so the API knows one family only.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

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
from apps.ml_models.models import CHAMPION, OK, LoggedPrediction
from apps.ml_models.runtime import Choice, prediction_log, shadowing
from apps.ml_models.runtime.prediction_log import PredictionFact, first_outputs, first_rows
from core.errors import DomainError, FieldError
from core.ids import uuid7
from core.observability.request_id import current
from serving import errors as serving
from serving.encoding import normalise_instances
from serving.predictor import InFlightLimit, PredictRequest
from serving.predictor import predict as predict_with

if TYPE_CHECKING:
    from uuid import UUID

    from apps.ml_models.runtime import Runtime, Target
    from core.security.principal import Principal
    from serving.ids import ServableId
    from serving.predictor import PredictResult

MAX_ROWS: int = settings.PREDICT_MAX_ROWS  # read once: settings are a proxy, and this path is hot
IN_FLIGHT_MAX = 64  # calls of one process in the engine at once; the next answers 503
RETRY_AFTER = 1  # seconds; loading a small model takes a fraction of it
DIRECT, CANARY = LoggedPrediction.Arm.DIRECT.value, LoggedPrediction.Arm.CANARY.value

_in_flight = InFlightLimit(IN_FLIGHT_MAX)


class Answer(NamedTuple):
    """A prediction, and the id it can be asked about by."""

    id: UUID
    result: PredictResult


class Asked(NamedTuple):
    """What a caller wants, as far as it is the same whichever version answers.

    Attributes:
        is_logged: in any case; else the id of the prediction decides.
    """

    features: object
    caller: Principal | None
    is_logged: bool


def predict(  # noqa: PLR0913 - keyword-only: how a model can be named, and who asks
    *,
    features: object,
    model_name: str | None = None,
    alias: str | None = None,
    number: int | None = None,
    caller: Principal | None = None,
    is_logged: bool = False,
) -> Answer:
    """Ask a model for predictions.

    Args:
        features: rows in any form of serving.encoding.normalise_instances.
        model_name: None is the default model.
        alias: None, with no number, is `champion`.
        number: of a version; excludes alias and needs a model's name.
        caller: decides the arm of a canary, and is written to the prediction log; None is the
            platform itself.
        is_logged: the call goes to the prediction log, whatever its model's share.

    Raises:
        NotFoundError: the model, version or alias.
        InvalidFeaturesError, TooManyRowsError: the rows.
        ModelNotReadyError: this process has not loaded the version (yet).
        DomainError: see apps.ml_models.errors.
    """
    process = runtime.current()
    if process is None:
        raise ModelNotReadyError("The model runtime is starting.", retry_after=RETRY_AFTER)
    asked = Asked(features, caller, is_logged)
    choice = _choose(process, model_name, alias, number, caller)
    try:
        return _ask(process, choice, asked)
    except (serving.ServableNotReadyError, serving.ServableNotFoundError) as error:
        # Between our look at the routes and our hold on the version the alias may have moved, and
        # if this thread was held up in between, the old version may even be gone.
        again = _choose(process, model_name, alias, number, caller)
        if again.target is choice.target:
            if again.instead is None:
                raise _not_served(process, choice.target, error) from None
            again = again.instead
    try:
        return _ask(process, again, asked)
    except (serving.ServableNotReadyError, serving.ServableNotFoundError) as error:
        raise _not_served(process, again.target, error) from None


def _choose(
    process: Runtime,
    model_name: str | None,
    alias: str | None,
    number: int | None,
    caller: Principal | None,
) -> Choice:
    routes = process.routes
    if number is not None and model_name is not None:
        try:
            return Choice(routes.by_number(model_name, number), "", DIRECT)
        except serving.ServableNotFoundError as unread:
            raise _not_loaded(process, unread.servable_id) from None
    name = caller_name(caller) if routes.splits else ""  # nothing else looks at it
    return routes.choose(model_name, CHAMPION if alias is None else alias, name)


def caller_name(caller: Principal | None) -> str:
    """Who is kept on one arm of a canary: the application, or the person without one."""
    return "" if caller is None else str(caller.application_id or caller.user_id)


def _ask(process: Runtime, choice: Choice, asked: Asked) -> Answer:
    """Ask one version.

    Raises:
        ServableNotReadyError, ServableNotFoundError: it is not loaded here, or no more.
        DomainError: anything else that is wrong.
    """
    target, prediction_id = choice.target, uuid7()
    request = PredictRequest(target.servable_id, target.signature, asked.features, MAX_ROWS)
    started = time.perf_counter()
    try:
        with _in_flight:
            result = predict_with(process.manager, request)
    except (serving.ServableNotReadyError, serving.ServableNotFoundError):
        raise
    except serving.ModelOutputInvalidError as error:
        failure = ModelOutputInvalidError(error.detail)
        _log(prediction_id, choice, asked, started, None, failure.code)
        raise failure from error
    except serving.ServingError as error:
        raise _as_domain_error(error) from error
    _log(prediction_id, choice, asked, started, result, OK)
    return Answer(prediction_id, result)


def _log(  # noqa: PLR0913, PLR0917 - what there is to say of a call, on the hot path
    prediction_id: UUID,
    choice: Choice,
    asked: Asked,
    started: float,
    result: PredictResult | None,
    outcome: str,
) -> None:
    """Offer a call to the prediction log, if it is one of those that are logged.

    The version's failures are sampled like its answers, so that their share stays what it is.
    """
    rule = choice.target.log
    is_shadowed = choice.shadow is not None and choice.shadow.takes(prediction_id)
    if choice.shadow is not None and is_shadowed:
        shadowing.offer(choice.shadow, prediction_id, asked.features)
    if not (
        is_shadowed
        or prediction_log.is_sampled(prediction_id, rule)
        or asked.is_logged
        or choice.arm == CANARY
    ):
        return
    seconds = time.perf_counter() - started
    outputs = None if result is None else first_outputs(result.outputs, result.rows, rule.rows)
    prediction_log.offer(
        PredictionFact(
            id=prediction_id,
            at=time.time(),
            target=choice.target,
            alias=choice.alias,
            arm=choice.arm,
            principal=asked.caller,
            request_id=current().request_id,
            rows=len(normalise_instances(asked.features)),
            features=first_rows(asked.features, rule),
            outputs=outputs,
            outcome=outcome,
            seconds=seconds,
        )
    )


def _not_served(process: Runtime, target: Target, error: serving.ServingError) -> DomainError:
    """Why a version that is to answer cannot, here and now."""
    if isinstance(error, serving.ServableNotFoundError):
        return _not_loaded(process, target.servable_id)
    refusal = process.refusal_of(target.servable_id)
    if refusal is not None:  # an alias leads to it, set when TensorFlow was still allowed
        return RuntimeUnavailableError(refusal.detail)
    return ModelNotReadyError(error.detail, retry_after=RETRY_AFTER)


def _not_loaded(process: Runtime, servable_id: ServableId) -> DomainError:
    """A version without an alias is loaded when it is first asked for; meanwhile: try again."""
    failure = process.ask_for(servable_id)
    if failure is None:
        detail = f"{servable_id} is being loaded."
        return ModelNotReadyError(detail, retry_after=RETRY_AFTER)
    if isinstance(failure, serving.RuntimeUnavailableError):
        return RuntimeUnavailableError(failure.detail)
    return ModelNotReadyError(f"{servable_id} could not be loaded ({failure.code}).")


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
