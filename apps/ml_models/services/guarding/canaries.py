"""The guard of canaries: looks at what they answered, and takes bad ones away."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import F

from apps.ml_models.models import LoggedPrediction, RegisteredModel, TrafficSplit
from apps.ml_models.selectors.traffic import active_canaries, window_of
from apps.ml_models.services.guarding.judging import calls_of_a_caller, judge
from apps.ml_models.services.guarding.telling import count_rollback, safely
from apps.ml_models.services.traffic import guard_of, roll_back_split

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from apps.ml_models.services.guarding.judging import Verdict

BEFORE: Final = timedelta(hours=1)  # the own version's calls may be older than the canary's by it
WINDOW_CALLS: Final = 1_000  # newest calls that are judged: what began an hour ago counts as it is


def guard_canaries(*, now: datetime) -> int:
    """Look at each active canary; how many were taken away. What fails at one spares the others."""
    return sum(
        safely(f"canary {split.pk}", partial(_guard, split=split, now=now))
        for split in active_canaries()
    )


def _guard(*, split: TrafficSplit, now: datetime) -> bool:
    """Look without a lock, which promotions and rollbacks of the model would wait for; then act."""
    verdict = _verdict(split)
    if not _note(split, verdict, now):  # it has ended meanwhile, or has other limits
        return False
    return bool(verdict.code) and _take_away(split, verdict)


@transaction.atomic
def _take_away(seen: TrafficSplit, verdict: Verdict) -> bool:
    """Act on a verdict, unless somebody has changed what it is about."""
    RegisteredModel.objects.get(pk=seen.model_id).reload_for_update()  # as each change of a split
    split = _as_seen(seen).select_related("version", "model").first()
    if split is None:
        return False
    roll_back_split(split, verdict.code, verdict.detail)
    transaction.on_commit(partial(count_rollback, "canary", verdict.code))
    return True


def _as_seen(split: TrafficSplit) -> QuerySet[TrafficSplit]:
    return TrafficSplit.objects.filter(
        pk=split.pk, state=TrafficSplit.State.ACTIVE, row_version=split.row_version
    )


def _verdict(split: TrafficSplit) -> Verdict:
    """The canary's newest calls beside those that the alias's own version answered meanwhile."""
    limits = guard_of(split)
    limit = max(WINDOW_CALLS, limits.min_calls)
    tried = window_of(
        version_id=split.version_id,
        alias=split.alias,
        arm=LoggedPrediction.Arm.CANARY,
        since=split.created_at,
        limit=limit,
        of_a_caller=calls_of_a_caller(limit, limits),
    )
    own = window_of(
        version_id=split.base_id,
        alias=split.alias,
        arm=LoggedPrediction.Arm.MAIN,
        since=max(split.created_at, (tried.since or split.created_at) - BEFORE),
        limit=limit,
        of_a_caller=calls_of_a_caller(limit, limits),
    )
    return judge(limits, tried, own)


def _note(split: TrafficSplit, verdict: Verdict, now: datetime) -> bool:
    """Keep what was seen, if the split is still what was looked at.

    The row's version stays, since nobody has changed the split.
    """
    noted = _as_seen(split).update(
        observed=verdict.observed,
        observed_at=now,
        row_version=F("row_version"),
        updated_at=F("updated_at"),
    )
    return bool(noted)
