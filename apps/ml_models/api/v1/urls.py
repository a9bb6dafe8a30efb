"""Routes of machine learning in version 1."""

from __future__ import annotations

from typing import Any, TypeAlias

from django.urls import path

from apps.ml_models.api.v1.views.aliases import AliasView
from apps.ml_models.api.v1.views.batches import BatchPredictionViewSet
from apps.ml_models.api.v1.views.policies import PolicyView
from apps.ml_models.api.v1.views.predict import (
    PredictAliasView,
    PredictChampionView,
    PredictDefaultView,
    PredictVersionView,
)
from apps.ml_models.api.v1.views.predictions import PredictionViewSet
from apps.ml_models.api.v1.views.promotions import GateView, PromotionViewSet
from apps.ml_models.api.v1.views.quality import DriftViewSet, QualityViewSet
from apps.ml_models.api.v1.views.registry import ModelViewSet
from apps.ml_models.api.v1.views.replays import ReplayViewSet
from apps.ml_models.api.v1.views.rollouts import RollbackView, RolloutViewSet
from apps.ml_models.api.v1.views.traffic import CanaryView, ComparisonView, ShadowView
from apps.ml_models.api.v1.views.versions import (
    TransitionViewSet,
    VersionDetailViewSet,
    VersionViewSet,
)

Actions: TypeAlias = dict[str, Any]

LIST_AND_CREATE: Actions = {"get": "list", "post": "create"}
RETRIEVE: Actions = {"get": "retrieve"}
RETRIEVE_AND_CHANGE: Actions = {"get": "retrieve", "patch": "partial_update"}

urlpatterns = [
    path("predict", PredictDefaultView.as_view(), name="predict"),
    path("models", ModelViewSet.as_view(LIST_AND_CREATE), name="model-list"),
    path("models/<str:name>", ModelViewSet.as_view(RETRIEVE_AND_CHANGE), name="model-detail"),
    path("models/<str:name>/predict", PredictChampionView.as_view(), name="model-predict"),
    path(
        "models/<str:name>/versions",
        VersionViewSet.as_view(LIST_AND_CREATE),
        name="model-version-list",
    ),
    path(
        "models/<str:name>/versions/<int:number>",
        VersionDetailViewSet.as_view(RETRIEVE_AND_CHANGE),
        name="model-version-detail",
    ),
    path(
        "models/<str:name>/versions/<int:number>/quality",
        QualityViewSet.as_view({"get": "list"}),
        name="model-version-quality",
    ),
    path(
        "models/<str:name>/versions/<int:number>/drift",
        DriftViewSet.as_view({"get": "list"}),
        name="model-version-drift",
    ),
    path(
        "models/<str:name>/versions/<int:number>/retire",
        VersionDetailViewSet.as_view({"post": "retire"}),
        name="model-version-retire",
    ),
    path(
        "models/<str:name>/versions/<int:number>/golden",
        VersionDetailViewSet.as_view({"get": "golden"}),
        name="model-version-golden",
    ),
    path(
        "models/<str:name>/versions/<int:number>/transitions",
        TransitionViewSet.as_view({"get": "list"}),
        name="model-version-transitions",
    ),
    path(
        "models/<str:name>/versions/<int:number>/predict",
        PredictVersionView.as_view(),
        name="model-version-predict",
    ),
    path("models/<str:name>/aliases/<str:alias>", AliasView.as_view(), name="model-alias"),
    path(
        "models/<str:name>/aliases/<str:alias>/rollback",
        RollbackView.as_view(),
        name="model-alias-rollback",
    ),
    path(
        "models/<str:name>/rollouts",
        RolloutViewSet.as_view({"get": "list"}),
        name="model-rollout-list",
    ),
    path(
        "models/<str:name>/rollouts/<uuid:pk>",
        RolloutViewSet.as_view(RETRIEVE),
        name="model-rollout-detail",
    ),
    path(
        "models/<str:name>/aliases/<str:alias>/canary",
        CanaryView.as_view(),
        name="model-canary",
    ),
    path(
        "models/<str:name>/aliases/<str:alias>/shadow",
        ShadowView.as_view(),
        name="model-shadow",
    ),
    path(
        "models/<str:name>/aliases/<str:alias>/comparison",
        ComparisonView.as_view(),
        name="model-comparison",
    ),
    path(
        "models/<str:name>/aliases/<str:alias>/predict",
        PredictAliasView.as_view(),
        name="model-alias-predict",
    ),
    path("models/<str:name>/policy", PolicyView.as_view(), name="model-policy"),
    path(
        "models/<str:name>/versions/<int:number>/gate",
        GateView.as_view(),
        name="model-version-gate",
    ),
    path(
        "models/<str:name>/promotions",
        PromotionViewSet.as_view(LIST_AND_CREATE),
        name="model-promotion-list",
    ),
    path(
        "models/<str:name>/promotions/<uuid:pk>",
        PromotionViewSet.as_view(RETRIEVE),
        name="model-promotion-detail",
    ),
    path(
        "models/<str:name>/promotions/<uuid:pk>/approve",
        PromotionViewSet.as_view({"post": "approve"}),
        name="model-promotion-approve",
    ),
    path(
        "models/<str:name>/promotions/<uuid:pk>/reject",
        PromotionViewSet.as_view({"post": "reject"}),
        name="model-promotion-reject",
    ),
    path(
        "models/<str:name>/promotions/<uuid:pk>/withdraw",
        PromotionViewSet.as_view({"post": "withdraw"}),
        name="model-promotion-withdraw",
    ),
    path(
        "models/<str:name>/replays",
        ReplayViewSet.as_view(LIST_AND_CREATE),
        name="model-replay-list",
    ),
    path(
        "models/<str:name>/replays/<uuid:pk>",
        ReplayViewSet.as_view(RETRIEVE),
        name="model-replay-detail",
    ),
    path("predictions", PredictionViewSet.as_view({"get": "list"}), name="prediction-list"),
    path(
        "predictions/<uuid:pk>",
        PredictionViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="prediction-detail",
    ),
    path(
        "predictions/<uuid:pk>/feedback",
        PredictionViewSet.as_view({"post": "feedback"}),
        name="prediction-feedback",
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
