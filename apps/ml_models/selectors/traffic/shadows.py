"""A shadow beside what callers were answered, row by row, in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from apps.ml_models.models import OK
from apps.ml_models.selectors.traffic.arms import NEWEST_CALLS
from serving.intervals import Interval, wilson

if TYPE_CHECKING:
    from apps.ml_models.models import ModelPolicy, TrafficSplit


@dataclass(frozen=True, slots=True)
class ShadowComparison:
    """The same calls through two versions. Latencies are of a call's share of its batch.

    Attributes:
        version: number of the shadow.
        calls: that it was asked, the newest NEWEST_CALLS at most.
        failures: of those, that it could not take or answer; own_failures: that the caller's
            version could not.
        rows: with a score from both.
        mean_difference: of the two scores, absolute; so are the quantiles of differences.
        flips: rows on whose decision the two differ.
    """

    version: int
    calls: int
    failures: int
    own_failures: int
    rows: int
    mean_difference: float | None
    difference_p50: float | None
    difference_p95: float | None
    difference_p99: float | None
    largest_difference: float | None
    flips: int
    latency_p50_us: float | None
    latency_p95_us: float | None

    @property
    def error_share(self) -> Interval | None:
        return wilson(self.failures, self.calls) if self.calls else None

    @property
    def flip_share(self) -> Interval | None:
        return wilson(self.flips, self.rows) if self.rows else None


STATEMENT: Final = """
    WITH shadow AS MATERIALIZED (
        SELECT s.prediction_id, s.day, s.scores, s.classes, s.outcome, s.latency_us
        FROM ml_models_shadowprediction AS s
        WHERE s.split_id = %(split)s AND s.day >= %(day)s ORDER BY s.id DESC LIMIT %(calls)s),
    pairs AS MATERIALIZED (
        SELECT shadow.scores AS theirs, shadow.classes AS their_classes,
            own.scores AS ours, own.classes AS our_classes, own.outcome
        FROM shadow JOIN ml_models_loggedprediction AS own
            ON own.id = shadow.prediction_id AND own.day = shadow.day),
    rows AS (
        SELECT abs(row.theirs - row.ours) AS difference,
            CASE WHEN row.their_class <> row.our_class THEN true
                WHEN %(picks)s AND row.our_class IS NOT NULL THEN false
                ELSE (row.theirs >= %(threshold)s) <> (row.ours >= %(threshold)s) END AS flips
        FROM pairs, unnest(theirs, their_classes, ours, our_classes)
            AS row (theirs, their_class, ours, our_class)
        WHERE row.theirs IS NOT NULL AND row.ours IS NOT NULL)
    SELECT (SELECT count(*) FROM shadow),
        (SELECT count(*) FROM shadow WHERE outcome <> %(ok)s),
        (SELECT count(*) FROM pairs WHERE outcome <> %(ok)s),
        count(*), avg(difference),
        percentile_cont(ARRAY[0.5, 0.95, 0.99, 1.0]) WITHIN GROUP (ORDER BY difference),
        count(*) FILTER (WHERE flips),
        (SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY latency_us) FROM shadow)
    FROM rows
"""


def shadow_comparison(split: TrafficSplit, policy: ModelPolicy) -> ShadowComparison:
    """What a shadow, active or ended, would have answered, beside what was."""
    parameters: dict[str, Any] = {
        "split": split.pk,
        "day": split.created_at.date(),
        "calls": NEWEST_CALLS,
        "threshold": policy.decision_threshold,
        "picks": policy.score_index is None,
        "ok": OK,
    }
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, parameters)
        calls, failures, own_failures, rows, mean, differences, flips, latency = cursor.fetchone()
    p50, p95, p99, largest = differences or (None,) * 4
    latency_p50, latency_p95 = latency or (None,) * 2
    return ShadowComparison(
        version=split.version.number,
        calls=calls,
        failures=failures,
        own_failures=own_failures,
        rows=rows,
        mean_difference=mean,
        difference_p50=p50,
        difference_p95=p95,
        difference_p99=p99,
        largest_difference=largest,
        flips=flips,
        latency_p50_us=latency_p50,
        latency_p95_us=latency_p95,
    )
