"""The hot path: a body of features in, predictions out; microseconds of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

import orjson
from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema

from apps.ml_models.api.v1 import examples
from apps.ml_models.api.v1.problems import Answers, problem
from apps.ml_models.api.v1.serializers.predict import PredictIn, PredictNamedIn, PredictOut
from apps.ml_models.errors import FeaturesMissingError
from apps.ml_models.services import predicting
from core.api.parsers import NumbersJSONParser
from core.api.refusals import MalformedHeaderError
from core.api.viewsets import ApiView
from core.errors import FieldError, InvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.ml_models.services.predicting import Answer
    from core.api.viewsets import ApiRequest

ANSWERS: Answers = {
    **problem(400, "validation_failed", "features_missing", "invalid_features", "malformed_header"),
    200: PredictOut,
    **problem(
        404,
        "model_not_found",
        "model_version_not_found",
        "model_alias_not_found",
        "no_default_model",
    ),
    **problem(409, "version_not_ready", "runtime_unavailable"),
    **problem(410, "model_version_retired"),
    **problem(413, "too_many_rows", "body_too_large"),
    **problem(500, "model_output_invalid", "internal_error"),
    **problem(503, "model_not_ready", "overloaded"),
}

ALWAYS, LOG_HEADER = "always", "Prediction-Log"
PREDICTION_LOG = OpenApiParameter(
    LOG_HEADER,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    enum=[ALWAYS],
    description="`always`: this call is written to the prediction log, whatever share of the "
    "model's calls is, so that what turns out to be true of it can be sent later.",
)

ROWS_A_UNIT = 100  # a call costs 1, and 1 more for every so many rows
MODEL_NAME_MAX = 64  # characters


class PredictView(ApiView):
    """Common to the four ways to ask; each names its model in its own way."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": "predictions:create"}
    limit_scope = "predict"
    spends_in_handler = True
    idempotency: ClassVar = {"post": "ignored"}
    max_body = settings.PREDICT_MAX_BODY_BYTES
    parser_classes = (NumbersJSONParser,)

    def features_of(self, request: ApiRequest, known: frozenset[str]) -> object:
        """The rows of the body, charged for. No serializer: two members are checked by hand."""
        body = body_of(request)
        if not body.keys() <= known:
            raise _unknown_fields(body.keys() - known)
        features = body.get("features")
        self.spend(request, 1 + _count(features) // ROWS_A_UNIT)
        if features is None:
            detail = "The body needs `features`: rows, or one row."
            fault = FieldError("required", detail, pointer="#/features")
            raise FeaturesMissingError(detail, errors=(fault,))
        return features

    def is_logged(self, request: ApiRequest) -> bool:
        """Whether the caller wants this call in the prediction log. Raises MalformedHeaderError."""
        header = request.META.get("HTTP_PREDICTION_LOG")
        if header is None:
            return False
        if header.strip() != ALWAYS:
            fault = FieldError("invalid_choice", "This takes `always`.", header=LOG_HEADER)
            raise MalformedHeaderError(f"{LOG_HEADER} takes `always`.", errors=(fault,))
        return True


def body_of(request: ApiRequest) -> Mapping[str, object]:
    """The body; that it is an object has been checked before any handler runs."""
    return cast("Mapping[str, object]", request.data)


def _count(features: object) -> int:
    """Rows of a list of rows; anything else is one."""
    if type(features) is list and features and type(features[0]) in {list, dict}:
        return len(features)
    return 1


def _model_of(body: Mapping[str, object]) -> str | None:
    """Which model a body asks for, if it has a `model`; null names none."""
    if "model" not in body:
        return None
    name = body["model"]
    if isinstance(name, str) and 0 < len(name) <= MODEL_NAME_MAX:
        return name
    detail = "`model` is the name of a model."
    raise InvalidError(detail, errors=(FieldError("invalid_type", detail, pointer="#/model"),))


def _unknown_fields(names: set[str]) -> InvalidError:
    faults = tuple(
        FieldError("unknown_field", "There is no such field.", pointer=f"#/{name[:80]}")
        for name in sorted(names)
    )
    return InvalidError("The body has fields that are not known.", errors=faults)


def _answer(answer: Answer) -> HttpResponse:
    result = answer.result
    content = orjson.dumps(
        {
            "prediction": result.prediction,
            "model": {"name": result.servable_id.name, "version": result.servable_id.version},
            "prediction_id": str(answer.id),
        },
        option=orjson.OPT_SERIALIZE_NUMPY,
    )
    return HttpResponse(content, content_type="application/json")


FEATURES = frozenset({"features"})
FEATURES_AND_MODEL = frozenset({"features", "model"})


class PredictDefaultView(PredictView):
    @extend_schema(
        operation_id="predict",
        summary="Predict with the default model",
        parameters=[PREDICTION_LOG],
        request=PredictIn,
        responses=ANSWERS,
        examples=examples.PREDICT,
        tags=["predictions"],
    )
    def post(self, request: ApiRequest) -> HttpResponse:
        """Ask the default model, or another by `model`; its alias `champion` says which version.

        `features` is a list of rows, each a list in the signature's order or an object by name;
        a single row may stand alone. At most 1,000 rows; more are a batch prediction. A call costs
        1 unit of its limit, and 1 more for every 100 rows.
        """
        features = self.features_of(request, FEATURES_AND_MODEL)
        name = _model_of(body_of(request))
        return _answer(
            predicting.predict(
                features=features,
                model_name=name,
                caller=request.auth,
                is_logged=self.is_logged(request),
            )
        )


class PredictChampionView(PredictView):
    @extend_schema(
        operation_id="predict_with_model",
        summary="Predict with a model's champion",
        parameters=[PREDICTION_LOG],
        request=PredictNamedIn,
        responses=ANSWERS,
        examples=examples.PREDICT_NAMED,
        tags=["predictions"],
    )
    def post(self, request: ApiRequest, name: str) -> HttpResponse:
        """Ask a model by name; the version that its alias `champion` points at answers."""
        features = self.features_of(request, FEATURES)
        return _answer(
            predicting.predict(
                features=features,
                model_name=name,
                caller=request.auth,
                is_logged=self.is_logged(request),
            )
        )


class PredictVersionView(PredictView):
    @extend_schema(
        operation_id="predict_with_version",
        summary="Predict with one version",
        parameters=[PREDICTION_LOG],
        request=PredictNamedIn,
        responses=ANSWERS,
        examples=examples.PREDICT_NAMED,
        tags=["predictions"],
    )
    def post(self, request: ApiRequest, name: str, number: int) -> HttpResponse:
        """Ask one version of a model.

        A version that no alias points at is loaded when it is first asked for; until then the
        answer is 503 `model_not_ready` with `Retry-After`.
        """
        features = self.features_of(request, FEATURES)
        return _answer(
            predicting.predict(
                features=features,
                model_name=name,
                number=number,
                caller=request.auth,
                is_logged=self.is_logged(request),
            )
        )


class PredictAliasView(PredictView):
    @extend_schema(
        operation_id="predict_with_alias",
        summary="Predict with an alias",
        parameters=[PREDICTION_LOG],
        request=PredictNamedIn,
        responses=ANSWERS,
        examples=examples.PREDICT_NAMED,
        tags=["predictions"],
    )
    def post(self, request: ApiRequest, name: str, alias: str) -> HttpResponse:
        """Ask the version that an alias of a model points at."""
        features = self.features_of(request, FEATURES)
        return _answer(
            predicting.predict(
                features=features,
                model_name=name,
                alias=alias,
                caller=request.auth,
                is_logged=self.is_logged(request),
            )
        )
