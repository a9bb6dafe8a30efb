"""Tables of the registry, of what is served, of predictions and of what became of them."""

from __future__ import annotations

from apps.ml_models.models.batch import BatchChunk, BatchPrediction
from apps.ml_models.models.knowledge import RegistryTag, VersionCard, VersionTransition
from apps.ml_models.models.monitoring import SCORE, DriftReading, DriftReference, VersionQuality
from apps.ml_models.models.predictions import (
    OK,
    LoggedPrediction,
    PredictionTruth,
    ShadowPrediction,
)
from apps.ml_models.models.promotions import GATED_ALIASES, ModelPolicy, Promotion, Replay
from apps.ml_models.models.registry import (
    CHAMPION,
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    RoutingGeneration,
)
from apps.ml_models.models.rollouts import Rollout
from apps.ml_models.models.served import ServedVersion, ServingProcess
from apps.ml_models.models.traffic import BASIS_POINTS, TrafficSplit
from apps.ml_models.models.uploads import UploadedArtefact

__all__ = [
    "BASIS_POINTS",
    "CHAMPION",
    "GATED_ALIASES",
    "OK",
    "SCORE",
    "BatchChunk",
    "BatchPrediction",
    "DriftReading",
    "DriftReference",
    "LoggedPrediction",
    "ModelAlias",
    "ModelPolicy",
    "ModelVersion",
    "PredictionTruth",
    "Promotion",
    "RegisteredModel",
    "RegistryTag",
    "Replay",
    "Rollout",
    "RoutingGeneration",
    "ServedVersion",
    "ServingProcess",
    "ShadowPrediction",
    "TrafficSplit",
    "UploadedArtefact",
    "VersionCard",
    "VersionQuality",
    "VersionTransition",
]
