"""The operators' door: the registry, what processes serve, predictions and what became of them."""

from __future__ import annotations

from apps.ml_models.admin import (
    batches,
    knowledge,
    monitoring,
    predictions,
    promotions,
    registry,
    replays,
    rollouts,
    served,
    traffic,
    versions,
)

__all__ = [
    "batches",
    "knowledge",
    "monitoring",
    "predictions",
    "promotions",
    "registry",
    "replays",
    "rollouts",
    "served",
    "traffic",
    "versions",
]
