"""How bad a canary may be before it is taken away by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from apps.ml_models.models import TrafficSplit


@dataclass(frozen=True, slots=True)
class Guard:
    """Limits of a canary; None: any. What each is compared with is in services.guarding.

    Attributes:
        max_error_share: share of failed calls, 0 to 1.
        max_latency_ratio: its p95 to that of the alias's own version, at least 1.
        max_score_psi: population stability index of its scores against the own version's.
        min_calls: calls that it must have answered before it is judged.
    """

    max_error_share: float | None = 0.05
    max_latency_ratio: float | None = 3.0
    max_score_psi: float | None = 0.25
    min_calls: int = 100


DEFAULT_GUARD: Final = Guard()


def guard_of(split: TrafficSplit) -> Guard:
    return Guard(
        split.max_error_share, split.max_latency_ratio, split.max_score_psi, split.min_calls
    )
