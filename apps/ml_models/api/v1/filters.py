"""Query parameters of the lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import django_filters as filters

from apps.ml_models.models import BatchPrediction, ModelVersion, RegisteredModel
from core.api.filters import ChoiceInFilter

if TYPE_CHECKING:
    from typing import ClassVar


class ModelFilter(filters.FilterSet):  # type: ignore[misc] # django-filter ships no types
    is_default = filters.BooleanFilter()

    class Meta:
        model = RegisteredModel
        fields: ClassVar[list[str]] = []


class VersionFilter(filters.FilterSet):  # type: ignore[misc] # django-filter ships no types
    state = filters.ChoiceFilter(choices=ModelVersion.State.choices)
    state__in = ChoiceInFilter(
        field_name="state", lookup_expr="in", choices=ModelVersion.State.choices
    )

    class Meta:
        model = ModelVersion
        fields: ClassVar[list[str]] = []


class BatchPredictionFilter(filters.FilterSet):  # type: ignore[misc] # django-filter ships no types
    status = filters.ChoiceFilter(choices=BatchPrediction.Status.choices)
    status__in = ChoiceInFilter(
        field_name="status", lookup_expr="in", choices=BatchPrediction.Status.choices
    )
    model = filters.CharFilter(field_name="version__model__name")
    created_at__gte = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_at__lt = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = BatchPrediction
        fields: ClassVar[list[str]] = []
