"""Taking back by itself what does badly: canaries, and promotions while they are young."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.ml_models.services.guarding.canaries import guard_canaries
from apps.ml_models.services.guarding.judging import Verdict, judge
from apps.ml_models.services.guarding.promotions import guard_promotions

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Verdict", "guard_canaries", "guard_promotions", "guard_traffic", "judge"]


def guard_traffic(*, now: datetime) -> int:
    """Look at all of it once; how many versions were taken back."""
    return guard_canaries(now=now) + guard_promotions(now=now)
