"""Logged calls of two versions with their truths, and a shadow's answers."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from random import Random
from uuid import uuid4

from django.utils import timezone

from apps.ml_models.models import (
    LoggedPrediction,
    PredictionTruth,
    ShadowPrediction,
    TrafficSplit,
)
from core.db.partitions import ensure_day_partitions

LOGGED = 160  # calls of each arm


def make_partitions(now: datetime) -> None:
    for table in ("loggedprediction", "predictiontruth", "shadowprediction"):
        ensure_day_partitions(f"ml_models_{table}", first=now.astimezone(UTC).date(), days=1)


def stage_log(champion, candidate, user, now: datetime) -> None:
    """Logged calls of both arms with their truths, and the shadow's answers beside the champion's.

    The candidate orders better and fails less often.
    """
    random = Random(7)  # noqa: S311 - the same rows every time
    shadow = TrafficSplit.objects.get(model=champion.model, kind="shadow", state="active")
    for version, arm, noise in ((champion, "main", 0.9), (candidate, "canary", 0.45)):
        calls = [
            logged_call(version, arm, random, noise, failed=place % 40 == 0)
            for place in range(LOGGED)
        ]
        LoggedPrediction.objects.bulk_create(calls)
        PredictionTruth.objects.bulk_create(truth_of(call, user) for call in calls if call.scores)
        if arm == "main":
            ShadowPrediction.objects.bulk_create(
                shadow_of(call, shadow, random) for call in calls if call.scores
            )


def logged_call(version, arm, random, noise, *, failed) -> LoggedPrediction:
    """Of one of twelve callers; a score above a half mostly means a positive truth."""
    now = timezone.now()
    logit = random.gauss(-0.6, 1.4)
    score = 1 / (1 + math.exp(-logit + random.gauss(0.0, noise)))
    caller = f"caller-{random.randrange(12)}"
    return LoggedPrediction(
        day=now.astimezone(UTC).date(),
        at=now,
        model_id=version.model_id,
        version_id=version.pk,
        alias="champion",
        arm=arm,
        user_id=uuid4(),
        caller=caller,
        request_id=f"req-{random.randrange(10_000)}",
        rows=1,
        features=[[round(random.uniform(1, 400), 2), random.randrange(60), "green", True]],
        scores=None if failed else [score],
        outputs={"logit": logit},
        outcome="model_output_invalid" if failed else "ok",
        latency_us=30 + random.randrange(60),
    )


def truth_of(call: LoggedPrediction, user) -> PredictionTruth:
    return PredictionTruth(
        id=call.pk,
        day=call.day,
        model_id=call.model_id,
        version_id=call.version_id,
        truths=[float(call.outputs["logit"] > 0)],
        received_at=call.at,
        user_id=user.pk,
    )


def shadow_of(call: LoggedPrediction, split: TrafficSplit, random) -> ShadowPrediction:
    return ShadowPrediction(
        day=call.day,
        prediction_id=call.pk,
        split_id=split.pk,
        version_id=split.version_id,
        scores=[min(1.0, max(0.0, call.scores[0] + random.gauss(0.0, 0.08)))],
        outcome="ok",
        latency_us=30 + random.randrange(20),
    )


def stage_call(version, user, now: datetime) -> LoggedPrediction:
    """One more, asked for by number."""
    return LoggedPrediction.objects.create(
        day=now.astimezone(UTC).date(),
        at=now,
        model_id=version.model_id,
        version_id=version.pk,
        arm="direct",
        user_id=user.pk,
        caller=str(user.pk),
        request_id="req-77",
        rows=1,
        features=[[12.5, 3, "green", True]],
        scores=[0.734],
        outcome="ok",
        latency_us=42,
    )
