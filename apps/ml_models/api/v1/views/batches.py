"""Batch predictions: submit, watch, cancel, download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status

from apps.ml_models.api.v1 import examples
from apps.ml_models.api.v1.filters import BatchPredictionFilter
from apps.ml_models.api.v1.problems import problem
from apps.ml_models.api.v1.ranges import range_of
from apps.ml_models.api.v1.serializers.batches import (
    BatchFileIn,
    BatchPredictionOut,
    BatchRowsIn,
)
from apps.ml_models.api.v1.uploads import input_of_file
from apps.ml_models.models import BatchPrediction
from apps.ml_models.selectors import batches, downloads
from apps.ml_models.services.batch import cancelling, submitting
from core.api.conditional import is_known
from core.api.parsers import StrictJSONParser, StrictMultiPartParser
from core.api.requests import media_type_of
from core.api.serializers import NothingIn, validated
from core.api.viewsets import ApiViewSet
from core.limits import MULTIPART_OVERHEAD
from core.observability.request_id import current

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http.response import HttpResponseBase
    from rest_framework.response import Response

    from apps.ml_models.selectors.downloads import Download
    from core.api.viewsets import ApiRequest

FORM = StrictMultiPartParser.media_type
DOWNLOADS = ("application/x-ndjson", "text/csv", "application/json")
"""What a download may be asked for as; the job's output format decides what it is."""

DOWNLOAD_ANSWERS = {
    (200, "application/x-ndjson"): OpenApiTypes.BINARY,
    (200, "text/csv"): OpenApiTypes.BINARY,
    (206, "application/x-ndjson"): OpenApiTypes.BINARY,
    (206, "text/csv"): OpenApiTypes.BINARY,
    **problem(409, "batch_prediction_not_finished"),
    **problem(410, "batch_prediction_expired"),
    **problem(416, "range_not_satisfiable"),
}
RANGE = OpenApiParameter(
    "Range", OpenApiTypes.STR, OpenApiParameter.HEADER, description="One range: bytes=0-1023."
)


@extend_schema_view(
    list=extend_schema(
        operation_id="list_batch_predictions",
        summary="List batch predictions",
        examples=examples.LIST_BATCHES,
        tags=["batch predictions"],
    ),
    retrieve=extend_schema(
        operation_id="get_batch_prediction",
        summary="Read a batch prediction",
        examples=examples.BATCH,
        tags=["batch predictions"],
    ),
)
class BatchPredictionViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet[BatchPrediction]
):
    """Predictions for many rows in the background; another user's answers 404."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "batch-predictions:read",
        "retrieve": "batch-predictions:read",
        "create": "batch-predictions:write",
        "cancel": "batch-predictions:write",
        "results": "batch-predictions:read",
        "errors": "batch-predictions:read",
    }
    limit_scope: ClassVar[Mapping[str, str]] = {"create": "batch"}
    idempotency: ClassVar = {"create": "required"}
    max_body: ClassVar[Mapping[str, int]] = {
        "create": settings.BATCH_MAX_BYTES + MULTIPART_OVERHEAD
    }
    media_types: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "results": DOWNLOADS,
        "errors": DOWNLOADS,
    }
    parser_classes = [StrictJSONParser, StrictMultiPartParser]
    serializer_class = BatchPredictionOut
    filterset_class = BatchPredictionFilter
    sort_fields: ClassVar[Mapping[str, str]] = {
        "created_at": "created_at",
        "status": "status",
        "finished_at": "finished_at",
    }
    ordering = ("-created_at", "-id")
    at_second_speed = True

    def get_queryset(self) -> QuerySet[BatchPrediction]:
        return batches.batch_predictions_visible_to(self.request.auth)

    def initial(self, request: ApiRequest, *args: Any, **kwargs: Any) -> None:  # type: ignore[override] # noqa: ANN401 - DRF's signature
        """A JSON body is parsed in memory, so it is capped as one of /predict is; a file is not."""
        if self.operation == "create" and media_type_of(request.content_type)[0] != FORM:
            request.check_length(settings.PREDICT_MAX_BODY_BYTES)
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="submit_batch_prediction",
        summary="Submit a batch prediction",
        request={"application/json": BatchRowsIn, FORM: BatchFileIn},
        responses={
            202: BatchPredictionOut,
            **problem(400, "validation_failed", "idempotency_key_missing", "invalid_file"),
            **problem(404, "model_not_found", "model_version_not_found", "model_alias_not_found"),
            **problem(409, "version_not_ready", "idempotency_in_progress"),
            **problem(410, "model_version_retired"),
            **problem(413, "file_too_large", "body_too_large"),
            **problem(429, "too_many_batch_predictions", "rate_limited"),
        },
        examples=examples.SUBMIT,
        tags=["batch predictions"],
    )
    def create(self, request: ApiRequest) -> Response:
        """Queue rows, or a CSV or JSON Lines file, for a model version that is pinned now.

        The header of a CSV file names exactly the model's features, in any order. Follow
        `Location` for its progress. `Idempotency-Key` is required.
        """
        is_form = media_type_of(request.content_type)[0] == FORM
        data = (BatchFileIn if is_form else BatchRowsIn)(data=request.data)
        data.is_valid(raise_exception=True)
        values = cast("dict[str, Any]", data.validated_data)
        job = submitting.submit_batch_prediction(
            principal=request.auth,
            model_name=values.get("model"),
            number=values.get("version"),
            alias=values.get("alias"),
            batch_input=(
                input_of_file(values["file"], values.get("input_format"))
                if is_form
                else submitting.input_of_features(values["features"])
            ),
            output_format=values["output_format"],
            now=timezone.now(),
            request_id=current().request_id,
        )
        location = reverse("v1:batch-prediction-detail", kwargs={"pk": job.pk})
        return self.answer(job, status=status.HTTP_202_ACCEPTED, location=location)

    @extend_schema(
        operation_id="cancel_batch_prediction",
        summary="Cancel a batch prediction",
        request=None,
        responses={
            200: BatchPredictionOut,
            **problem(409, "batch_prediction_finished", "idempotency_in_progress"),
        },
        examples=examples.CANCEL_BATCH,
        tags=["batch predictions"],
    )
    def cancel(self, request: ApiRequest, pk: UUID) -> Response:
        """Stop it; a second time answers the same. What is done stays readable.

        409 when it has finished otherwise.
        """
        validated(NothingIn, request)
        visible = batches.batch_prediction_for(request.auth, pk)
        job = cancelling.cancel_batch_prediction(job_id=visible.pk, actor=request.auth)
        return self.answer(job)

    @extend_schema(
        operation_id="get_batch_prediction_results",
        summary="Download the results",
        parameters=[RANGE],
        responses=DOWNLOAD_ANSWERS,
        tags=["batch predictions"],
    )
    def results(self, request: ApiRequest, pk: UUID) -> HttpResponseBase:
        """The predictions, in input order, one line a row: `{"row": 0, "prediction": [0.93]}`.

        `Range` is supported. 409 until it has finished, 410 once the results have expired.
        """
        job = batches.batch_prediction_for(request.auth, pk)
        return _stream(request, downloads.results_of(job))

    @extend_schema(
        operation_id="get_batch_prediction_errors",
        summary="Download the errors",
        parameters=[RANGE],
        responses=DOWNLOAD_ANSWERS,
        tags=["batch predictions"],
    )
    def errors(self, request: ApiRequest, pk: UUID) -> HttpResponseBase:
        """What was wrong with rows that have no prediction: row, line, feature, code, detail."""
        job = batches.batch_prediction_for(request.auth, pk)
        return _stream(request, downloads.errors_of(job))


def _stream(request: ApiRequest, download: Download) -> HttpResponseBase:
    """The whole download, or the one range of it that was asked for (RFC 9110 section 14)."""
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{download.digest}"',
        "Content-Disposition": f'attachment; filename="{download.file_name}"',
        "X-Content-Type-Options": "nosniff",
    }
    if is_known(request, headers["ETag"]):
        return HttpResponse(status=304, headers={"ETag": headers["ETag"]})
    # Range means something to GET alone (RFC 9110 section 14.2).
    asked_for = request.META.get("HTTP_RANGE") if request.method == "GET" else None
    wanted = range_of(
        asked_for,
        size=download.size,
        if_range=request.META.get("HTTP_IF_RANGE"),
        etag=headers["ETag"],
    )
    first, last = wanted or (0, download.size - 1)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {first}-{last}/{download.size}"
    headers["Content-Length"] = str(last - first + 1)
    return StreamingHttpResponse(
        download.read(first, last + 1),
        status=206 if wanted is not None else 200,
        content_type=download.content_type,
        headers=headers,
    )
