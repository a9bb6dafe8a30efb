"""Routes of machine learning in version 1."""

from __future__ import annotations

from typing import Any, TypeAlias

from django.urls import path

from apps.ml_models.api.v1.views.batches import BatchPredictionViewSet
from apps.ml_models.api.v1.views.predict import (
    PredictAliasView,
    PredictChampionView,
    PredictDefaultView,
    PredictVersionView,
)
from apps.ml_models.api.v1.views.registry import AliasView, ModelViewSet, VersionViewSet

Actions: TypeAlias = dict[str, Any]

LIST_AND_CREATE: Actions = {"get": "list", "post": "create"}
RETRIEVE: Actions = {"get": "retrieve"}

urlpatterns = [
    path("predict", PredictDefaultView.as_view(), name="predict"),
    path("models", ModelViewSet.as_view(LIST_AND_CREATE), name="model-list"),
    path("models/<str:name>", ModelViewSet.as_view(RETRIEVE), name="model-detail"),
    path("models/<str:name>/predict", PredictChampionView.as_view(), name="model-predict"),
    path(
        "models/<str:name>/versions",
        VersionViewSet.as_view(LIST_AND_CREATE),
        name="model-version-list",
    ),
    path(
        "models/<str:name>/versions/<int:number>",
        VersionViewSet.as_view(RETRIEVE),
        name="model-version-detail",
    ),
    path(
        "models/<str:name>/versions/<int:number>/predict",
        PredictVersionView.as_view(),
        name="model-version-predict",
    ),
    path("models/<str:name>/aliases/<str:alias>", AliasView.as_view(), name="model-alias"),
    path(
        "models/<str:name>/aliases/<str:alias>/predict",
        PredictAliasView.as_view(),
        name="model-alias-predict",
    ),
    path(
        "batch-predictions",
        BatchPredictionViewSet.as_view(LIST_AND_CREATE),
        name="batch-prediction-list",
    ),
    path(
        "batch-predictions/<uuid:pk>",
        BatchPredictionViewSet.as_view(RETRIEVE),
        name="batch-prediction-detail",
    ),
    path(
        "batch-predictions/<uuid:pk>/cancel",
        BatchPredictionViewSet.as_view({"post": "cancel"}),
        name="batch-prediction-cancel",
    ),
    path(
        "batch-predictions/<uuid:pk>/results",
        BatchPredictionViewSet.as_view({"get": "results"}),
        name="batch-prediction-results",
    ),
    path(
        "batch-predictions/<uuid:pk>/errors",
        BatchPredictionViewSet.as_view({"get": "errors"}),
        name="batch-prediction-errors",
    ),
]
