"""The guard of young promotions: a champion that fails makes way for the one before it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from django.conf import settings

from apps.ml_models.models import LoggedPrediction
from apps.ml_models.selectors.traffic import baking_promotions, window_of
from apps.ml_models.services import rolling
from apps.ml_models.services.guarding.canaries import WINDOW_CALLS
from apps.ml_models.services.guarding.judging import Verdict, calls_of_a_caller, judge
from apps.ml_models.services.guarding.telling import count_rollback, safely
from apps.ml_models.services.traffic import Guard
from core.errors import DomainError

if TYPE_CHECKING:
    from datetime import datetime

    from apps.ml_models.models import ModelAlias, Rollout
    from apps.ml_models.selectors.traffic import Window

COMPARED: Final = timedelta(days=1)  # of the version before: its last calls


class AliasHasMovedError(Exception):
    """Somebody was quicker; what was seen is about a version that answers no more."""


def guard_promotions(*, now: datetime) -> int:
    """Look at each young promotion; how many were taken back. Needs settings.SERVING_ROLLBACK."""
    if not settings.SERVING_ROLLBACK:
        return 0
    return sum(
        safely(f"promotion {rollout.pk}", partial(_guard, rollout))
        for rollout in baking_promotions(now=now)
    )


def _guard(rollout: Rollout) -> bool:
    verdict = _verdict(rollout)
    if not verdict.code:
        return False

    def check(alias: ModelAlias | None) -> None:
        if alias is None or alias.version_id != rollout.version_id:
            raise AliasHasMovedError

    try:
        rolling.roll_back(
            model_name=rollout.model.name,
            alias=rollout.alias,
            actor=None,
            reason=verdict.detail,
            check=check,
        )
    except (AliasHasMovedError, DomainError):  # e.g. the version before has been retired meanwhile
        return False
    count_rollback("promotion", verdict.code)
    return True


def _verdict(rollout: Rollout) -> Verdict:
    """The new version's calls since it went live, beside the last ones of the version before."""
    limits = Guard(
        max_error_share=settings.SERVING_ROLLBACK_ERROR_PERCENT / 100,
        max_latency_ratio=settings.SERVING_ROLLBACK_LATENCY_RATIO,
        max_score_psi=None,  # another spread of scores may be why it was promoted
        min_calls=settings.SERVING_ROLLBACK_MIN_CALLS,
    )
    live_since = rollout.ended_at or rollout.created_at
    limit = max(WINDOW_CALLS, limits.min_calls)
    of_a_caller = calls_of_a_caller(limit, limits)
    tried, own = _windows(rollout, live_since, limit, of_a_caller)
    if tried.callers == 1 < own.callers:  # the first to come, or the only one awake, is not all
        return Verdict()
    return judge(limits, tried, own)


def _windows(
    rollout: Rollout, live_since: datetime, limit: int, of_a_caller: int
) -> tuple[Window, Window]:
    arm = LoggedPrediction.Arm.MAIN
    previous_id = rollout.previous_id or rollout.version_id  # the selector leaves out who has none
    tried = window_of(
        version_id=rollout.version_id,
        alias=rollout.alias,
        arm=arm,
        since=live_since,
        limit=limit,
        of_a_caller=of_a_caller,
    )
    own = window_of(
        version_id=previous_id,
        alias=rollout.alias,
        arm=arm,
        since=live_since - COMPARED,
        until=live_since,
        limit=limit,
        of_a_caller=of_a_caller,
    )
    return tried, own
