"""How good a version is, and how far it has drifted, day by day."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins

from apps.ml_models.api.v1 import examples_predictions as examples
from apps.ml_models.api.v1.filters_predictions import DriftFilter, QualityFilter
from apps.ml_models.api.v1.problems import problem
from apps.ml_models.api.v1.serializers.quality import DriftOut, QualityOut
from apps.ml_models.models import DriftReading, VersionQuality
from apps.ml_models.selectors import quality
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet

READ: Mapping[str, str | None] = {"list": "models:read"}
ABSENT = problem(404, "model_not_found", "model_version_not_found")


@extend_schema_view(
    list=extend_schema(
        operation_id="list_version_quality",
        summary="List a version's quality by day",
        responses={200: QualityOut(many=True), **ABSENT},
        examples=examples.LIST_QUALITY,
        tags=["models"],
    ),
)
class QualityViewSet(mixins.ListModelMixin, ApiViewSet[VersionQuality]):
    """Ranking, loss and calibration of logged predictions whose truth is known, newest day first.

    Computed every hour until the day is over, and again whenever more truth is sent.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = READ
    serializer_class = QualityOut
    filterset_class = QualityFilter
    ordering = ("-day", "-id")

    def get_queryset(self) -> QuerySet[VersionQuality]:
        if getattr(self, "swagger_fake_view", False):  # the schema asks without a path
            return VersionQuality.objects.none()
        return quality.quality_of(self.kwargs["name"], self.kwargs["number"])


@extend_schema_view(
    list=extend_schema(
        operation_id="list_version_drift",
        summary="List a version's drift by day",
        responses={200: DriftOut(many=True), **ABSENT},
        examples=examples.LIST_DRIFT,
        tags=["models"],
    ),
)
class DriftViewSet(mixins.ListModelMixin, ApiViewSet[DriftReading]):
    """How far each feature, and the score, of a day is from how it was spread in training.

    Read every hour until the day is over, of days with 1,000 logged rows or more. The event
    `model.drift_detected` tells of a version and day once.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = READ
    serializer_class = DriftOut
    filterset_class = DriftFilter
    ordering = ("-day", "feature", "id")

    def get_queryset(self) -> QuerySet[DriftReading]:
        if getattr(self, "swagger_fake_view", False):  # the schema asks without a path
            return DriftReading.objects.none()
        return quality.drift_of(self.kwargs["name"], self.kwargs["number"])
