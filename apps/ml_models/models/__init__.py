"""Tables of the registry, of what the processes serve, and of batch predictions."""

from __future__ import annotations

from apps.ml_models.models.batch import BatchChunk, BatchPrediction
from apps.ml_models.models.registry import (
    CHAMPION,
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    RoutingGeneration,
)
from apps.ml_models.models.served import ServedVersion, ServingProcess

__all__ = [
    "CHAMPION",
    "BatchChunk",
    "BatchPrediction",
    "ModelAlias",
    "ModelVersion",
    "RegisteredModel",
    "RoutingGeneration",
    "ServedVersion",
    "ServingProcess",
]
