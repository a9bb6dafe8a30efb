"""Splits of traffic, and what the prediction log says of their arms."""

from __future__ import annotations

from apps.ml_models.selectors.traffic.comparing import (
    ArmReport,
    Comparison,
    Difference,
    Truths,
    comparison,
)
from apps.ml_models.selectors.traffic.rollouts import baking_promotions
from apps.ml_models.selectors.traffic.shadows import ShadowComparison
from apps.ml_models.selectors.traffic.splits import (
    active_canaries,
    find_split,
    is_in_use,
    newest_split,
    split_of,
)
from apps.ml_models.selectors.traffic.windows import Window, window_of

__all__ = [
    "ArmReport",
    "Comparison",
    "Difference",
    "ShadowComparison",
    "Truths",
    "Window",
    "active_canaries",
    "baking_promotions",
    "comparison",
    "find_split",
    "is_in_use",
    "newest_split",
    "split_of",
    "window_of",
]
