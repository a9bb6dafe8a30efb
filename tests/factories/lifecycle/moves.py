"""Rollouts, promotions, a replay, and the traffic of two versions."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from apps.ml_models.models import Promotion, Replay, Rollout, TrafficSplit
from core.ids import uuid7
from tests.factories.lifecycle.log import stage_call


def stage_rollouts(champion, candidate, user, now):
    model, alias = champion.model, "champion"
    common = {"model": model, "alias": alias, "required": 2, "actor": user}
    Rollout.objects.filter(model=model).delete()
    Rollout.objects.create(
        **common,
        version=candidate,
        previous=champion,
        state="failed",
        generation=5,
        warm=1,
        reason_code="golden_mismatch",
        detail="web 4112 on web1: row 3 of the golden set differs by 0.02.",
        reason="The July training.",
        ended_at=now + timedelta(seconds=9.7),
    )
    Rollout.objects.create(
        **common,
        version=champion,
        previous=candidate,
        state="live",
        kind="rollback",
        generation=6,
        live_generation=7,
        warm=2,
        reason="Support reports odd scores since noon.",
        ended_at=now + timedelta(seconds=1.4),
        warm_until=now + timedelta(hours=1),
    )


def stage_promotions(champion, candidate, user):
    checks = [
        {
            "code": "metric",
            "passed": True,
            "wanted": 0.85,
            "found": 0.89,
            "detail": "auc is 0.8900, the champion's is 0.8600; 0.01 less would do.",
        },
        {
            "code": "latency",
            "passed": False,
            "wanted": 25,
            "found": 28.9,
            "detail": "One row takes 28.9 µs at validation, 25 µs are allowed.",
        },
    ]
    Promotion.objects.create(
        model=candidate.model,
        alias="champion",
        version=candidate,
        gate={"checks": checks},
        gate_passed=False,
        override_reason="Four microseconds are worth three points of AUC.",
        reason="The July training is better.",
        proposed_by=user,
        four_eyes=True,
    )
    return stage_replay(champion, candidate, user)


def stage_replay(champion, candidate, user) -> Replay:
    """As services.replaying leaves one that ran."""
    counts = [round(400 * 0.74**place) for place in range(20)]
    rows, width = sum(counts), 0.541 / len(counts)
    logged = stage_call(champion, user, timezone.now())
    return Replay.objects.create(
        model=candidate.model,
        candidate=candidate,
        baseline=champion,
        requested=1_000,
        state="succeeded",
        calls=1_000,
        rows=rows + 3,
        failed_rows=3,
        flips=37,
        mean_difference=0.083,
        largest_difference=0.541,
        result={
            "scoring": {"output": "", "index": None, "threshold": 0.5},
            "skipped_rows": 0,
            "differences": {
                "p50": 0.041,
                "p90": 0.18,
                "p95": 0.262,
                "p99": 0.41,
                "edges": [round(place * width, 5) for place in range(len(counts) + 1)],
                "counts": counts,
            },
            "decisions": [
                {"baseline": 0, "candidate": 0, "rows": rows - 204},
                {"baseline": 1, "candidate": 1, "rows": 167},
                {"baseline": 0, "candidate": 1, "rows": 29},
                {"baseline": 1, "candidate": 0, "rows": 8},
            ],
            "failures": [{"code": "value_too_large", "feature": "visits", "rows": 3}],
            "most_different": [
                {
                    "prediction_id": str(key),
                    "row": 0,
                    "difference": difference,
                    "baseline": {"score": 0.21, "decision": 0},
                    "candidate": {"score": 0.21 + difference, "decision": int(difference > 0.29)},
                }
                for key, difference in ((logged.pk, 0.541), (uuid7(), 0.2))
            ],
            "microseconds_per_row": {"baseline": 3.1, "candidate": 4.2},
            "ended_by": "calls",
        },
        created_by=user,
        finished_at=timezone.now(),
    )


def stage_traffic(champion, candidate, user, now):
    common = {
        "model": champion.model,
        "alias": "champion",
        "version": candidate,
        "base": champion,
        "salt": "a1b2",
        "started_by": user,
    }
    TrafficSplit.objects.create(
        **{**common, "salt": "c3"},
        kind="canary",
        share=500,
        max_error_share=0.02,
        state="rolled_back",
        end_code="error_share",
        end_detail="4.1 % of 122 calls failed; 2 % are allowed.",
        ended_at=now,
    )
    TrafficSplit.objects.create(
        **common,
        kind="canary",
        share=1_000,
        max_error_share=0.02,
        max_latency_ratio=2.0,
        max_score_psi=0.2,
        reason="A tenth of the callers until Friday.",
        observed={"calls": 412, "error_share": 0.0049, "latency_ratio": 1.31, "score_psi": 0.083},
        observed_at=now,
    )
    TrafficSplit.objects.create(
        **common, kind="shadow", share=2_500, reason="To compare before the canary grows."
    )
