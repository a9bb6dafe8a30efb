"""Events this app publishes: what each means, the data it carries, who hears of it."""

from __future__ import annotations

from apps.ml_models.events.batches import (
    BATCH_CANCELLED,
    BATCH_EXPIRED,
    BATCH_FAILED,
    BATCH_PARTIALLY_SUCCEEDED,
    BATCH_PATH,
    BATCH_QUEUED,
    BATCH_RUNNING,
    BATCH_SUCCEEDED,
    BatchCounts,
    BatchData,
)
from apps.ml_models.events.monitoring import DRIFT_DETECTED, DriftData, DriftedFeature
from apps.ml_models.events.promotions import (
    PROMOTION_DECIDED,
    PROMOTION_PATH,
    PROMOTION_PROPOSED,
    DecidedData,
    ProposedData,
)
from apps.ml_models.events.registry import (
    ALIAS_MOVED,
    DEFAULT_MOVED,
    MODEL_PATH,
    VERSION_PATH,
    VERSION_READY,
    VERSION_REJECTED,
    VERSION_RETIRED,
    AliasMovedData,
    DefaultMovedData,
    RejectedVersionData,
    VersionData,
)
from apps.ml_models.events.rollouts import (
    ROLLOUT_FAILED,
    ROLLOUT_LIVE,
    FailedRolloutData,
    RolloutData,
)
from apps.ml_models.events.traffic import (
    CANARY_CHANGED,
    CANARY_ENDED,
    CANARY_STARTED,
    CanaryData,
    CanaryEndedData,
)

__all__ = [
    "ALIAS_MOVED",
    "BATCH_CANCELLED",
    "BATCH_EXPIRED",
    "BATCH_FAILED",
    "BATCH_PARTIALLY_SUCCEEDED",
    "BATCH_PATH",
    "BATCH_QUEUED",
    "BATCH_RUNNING",
    "BATCH_SUCCEEDED",
    "CANARY_CHANGED",
    "CANARY_ENDED",
    "CANARY_STARTED",
    "DEFAULT_MOVED",
    "DRIFT_DETECTED",
    "MODEL_PATH",
    "PROMOTION_DECIDED",
    "PROMOTION_PATH",
    "PROMOTION_PROPOSED",
    "ROLLOUT_FAILED",
    "ROLLOUT_LIVE",
    "VERSION_PATH",
    "VERSION_READY",
    "VERSION_REJECTED",
    "VERSION_RETIRED",
    "AliasMovedData",
    "BatchCounts",
    "BatchData",
    "CanaryData",
    "CanaryEndedData",
    "DecidedData",
    "DefaultMovedData",
    "DriftData",
    "DriftedFeature",
    "FailedRolloutData",
    "ProposedData",
    "RejectedVersionData",
    "RolloutData",
    "VersionData",
]
