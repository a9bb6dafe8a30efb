"""One's own logged predictions: read, erase, and say what turned out to be true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.response import Response

from apps.ml_models.api.v1 import examples_predictions as examples
from apps.ml_models.api.v1.filters_predictions import PredictionFilter
from apps.ml_models.api.v1.problems import problem
from apps.ml_models.api.v1.serializers.predictions import (
    FeedbackIn,
    FeedbackOut,
    PredictionLogOut,
    PredictionSummaryOut,
)
from apps.ml_models.models import LoggedPrediction
from apps.ml_models.selectors import predictions
from apps.ml_models.services.predictions import erasing, feedback
from core.api.serializers import validated
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from core.api.viewsets import ApiRequest

TAGS = ["predictions"]
ABSENT = {
    **problem(404, "prediction_not_logged"),
    **problem(410, "prediction_expired"),
    **problem(503, "prediction_not_written_yet"),
}


@extend_schema_view(
    list=extend_schema(
        operation_id="list_predictions",
        summary="List your logged predictions",
        responses={200: PredictionSummaryOut(many=True)},
        examples=examples.LIST_PREDICTIONS,
        tags=TAGS,
    ),
)
class PredictionViewSet(mixins.ListModelMixin, ApiViewSet[LoggedPrediction]):
    """Your logged predictions, newest first; about two seconds behind.

    Of each model a share of the calls is logged, and each call with `Prediction-Log: always`. A
    person sees those of their logins and of all their applications, an application its own.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "predictions:read",
        "retrieve": "predictions:read",
        "destroy": "predictions:write",
        "feedback": "predictions:write",
    }
    serializer_class = PredictionSummaryOut
    filterset_class = PredictionFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"id": "id"}
    ordering = ("-id",)
    at_second_speed = True

    def initial(self, request: ApiRequest, *args: Any, **kwargs: Any) -> None:  # type: ignore[override] # noqa: ANN401 - DRF's signature
        """Choose the shape before `fields` chooses from it."""
        if self.operation == "retrieve":
            self.serializer_class = PredictionLogOut
        super().initial(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[LoggedPrediction]:
        if getattr(self, "swagger_fake_view", False):  # the schema asks without a caller
            return LoggedPrediction.objects.none()
        return predictions.predictions_visible_to(self.request.auth, now=timezone.now())

    @extend_schema(
        operation_id="get_prediction",
        summary="Read a logged prediction",
        responses={200: PredictionLogOut, **ABSENT},
        examples=examples.PREDICTION,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, pk: UUID) -> Response:
        """One prediction with what was asked, what was answered, and what turned out to be true."""
        row = predictions.prediction_for(request.auth, pk, now=timezone.now(), shape=self.shaped)
        if self.selection.has("truth"):
            row.truth = predictions.truth_of(row)  # type: ignore[attr-defined] # for the serializer
        return self.answer(row)

    @extend_schema(
        operation_id="erase_prediction",
        summary="Erase a logged prediction",
        responses={204: None, **ABSENT},
        tags=TAGS,
    )
    def destroy(self, request: ApiRequest, pk: UUID) -> Response:
        """Erase features, scores, caller and truth of one prediction, for good.

        That a call was made, of which version and how fast, stays counted. A second time it is not
        found.
        """
        erasing.erase_prediction(prediction_id=pk, caller=request.auth, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="give_feedback",
        summary="Say what turned out to be true",
        request=FeedbackIn,
        responses={
            200: FeedbackOut,
            201: FeedbackOut,
            **problem(400, "validation_failed", "invalid_truth"),
            **ABSENT,
        },
        examples=examples.FEEDBACK,
        tags=TAGS,
    )
    def feedback(self, request: ApiRequest, pk: UUID) -> Response:
        """Join a logged prediction with the truth; quality of the version is measured by it.

        Said again, the last word stands (200). A prediction that is not logged is 404: send
        `Prediction-Log: always` with calls whose outcome you will report. Right after its answer,
        a prediction may not be in the log yet: 503 with `Retry-After`.
        """
        truth, is_new = feedback.give_feedback(
            prediction_id=pk,
            truth=validated(FeedbackIn, request)["truth"],
            caller=request.auth,
            now=timezone.now(),
        )
        if not is_new:
            return Response(FeedbackOut(truth).data)
        location = reverse("v1:prediction-detail", kwargs={"pk": pk})
        headers = {"Location": location}
        return Response(FeedbackOut(truth).data, status=status.HTTP_201_CREATED, headers=headers)
