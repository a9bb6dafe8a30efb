"""Quality and drift of each day; one feature drifts away at the end."""

from __future__ import annotations

import math
from datetime import date, timedelta
from random import Random

from apps.ml_models.models import DriftReading, DriftReference, VersionQuality

BINS = 10  # of a score


FEATURES = ("amount", "visits", "colour", "member", "")  # the last is the score


DRIFTING = "visits"


EDGES = [round(0.1 * place, 1) for place in range(1, BINS)]


def stage_monitoring(version, today: date, days: int, auc: float):
    """Quality and drift of each day up to yesterday; one feature drifts away at the end."""
    random = Random(version.number)  # noqa: S311 - the same rows every time
    VersionQuality.objects.bulk_create(
        quality_of(version, today - timedelta(days=back), random, auc)
        for back in range(days, 0, -1)
    )
    DriftReference.objects.bulk_create(
        DriftReference(
            version=version,
            feature=name,
            edges=EDGES,
            counts=[4_120] * BINS,
            rows=41_200,
            source="training",
        )
        for name in FEATURES
    )
    DriftReading.objects.bulk_create(
        drift_of(version, today - timedelta(days=back), name, random, back)
        for name in FEATURES
        for back in range(days, 0, -1)
    )


def quality_of(version, day, random, auc) -> VersionQuality:
    bins = []
    for place in range(BINS):
        score = (place + 0.5) / BINS
        rows = int(420 * math.exp(-3.2 * score)) + 12
        truths = rows * 3 // 4
        positives = round(truths * min(1.0, score**1.12 + random.uniform(-0.02, 0.02) + 0.01))
        positives = max(0, min(truths, positives))
        bins.append(
            {"rows": rows, "truths": truths, "positives": positives, "score_sum": score * truths}
        )
    truths = sum(entry["truths"] for entry in bins)
    return VersionQuality(
        version=version,
        day=day,
        calls=1_480 + random.randrange(200),
        failed_calls=random.randrange(4),
        rows=sum(entry["rows"] for entry in bins),
        truths=truths,
        positives=sum(entry["positives"] for entry in bins),
        auc=auc + random.uniform(-0.015, 0.015),
        log_loss=0.31,
        brier=0.092,
        calibration_error=0.021,
        mean_score=0.238,
        bins=bins,
        latency_us={"p50": 38, "p95": 71, "p99": 140},
    )


def drift_of(version, day, name, random, back) -> DriftReading:
    psi = random.uniform(0.005, 0.045)
    if name == DRIFTING and back <= 5:
        psi = 0.04 + 0.035 * (6 - back)
    return DriftReading(
        version=version,
        day=day,
        feature=name,
        rows=1_500,
        psi=psi,
        threshold=0.1,
        drifted=psi >= 0.1,
        counts=[150] * BINS,
    )
