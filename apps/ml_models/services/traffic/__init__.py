"""Splitting an alias's traffic: canaries, shadows, their limits, and how they end."""

from __future__ import annotations

from apps.ml_models.services.traffic.ending import end_split, end_splits_of, roll_back_split
from apps.ml_models.services.traffic.limits import DEFAULT_GUARD, Guard, guard_of
from apps.ml_models.services.traffic.setting import set_split

__all__ = [
    "DEFAULT_GUARD",
    "Guard",
    "end_split",
    "end_splits_of",
    "guard_of",
    "roll_back_split",
    "set_split",
]
