"""The arms of an alias summed up by the database: one statement an arm, over bounded rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from django.db import connection

from apps.ml_models.models import OK
from apps.ml_models.selectors.traffic.windows import first_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    import numpy.typing as npt

NEWEST_CALLS: Final = 100_000  # of an arm that are looked at
NEWEST_TRUTHS: Final = 100_000  # rows with a score and a truth


@dataclass(frozen=True, slots=True)
class ArmQuery:
    """Which calls are an arm's.

    Attributes:
        arm: of LoggedPrediction.Arm.
        since, until: by the time in their ids; until None: up to now.
        threshold: a score at or above it is a positive decision.
    """

    version_id: UUID
    alias: str
    arm: str
    since: datetime
    until: datetime | None
    threshold: float

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "version": self.version_id,
            "alias": self.alias,
            "arm": self.arm,
            "day": self.since.date(),
            "first": first_id(self.since),
            "last": None if self.until is None else first_id(self.until),
            "ok": OK,
            "threshold": self.threshold,
            "calls": NEWEST_CALLS,
            "truths": NEWEST_TRUTHS,
        }


@dataclass(frozen=True, slots=True)
class ArmSums:
    """An arm as far as the log goes. Scores are of logged rows.

    Attributes:
        latency_us: p50 and p95; empty without calls.
        mean_score, score_variance: None without scores, or with one.
        positives: scores at or above the threshold.
    """

    calls: int
    callers: int
    rows: int
    failures: int
    latency_us: tuple[float, ...]
    scores: int
    mean_score: float | None
    score_variance: float | None
    positives: int

    @property
    def latency_p50_us(self) -> float | None:
        return self.latency_us[0] if self.latency_us else None

    @property
    def latency_p95_us(self) -> float | None:
        return self.latency_us[1] if self.latency_us else None


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows whose truth is known, (n,) each.

    Attributes:
        hits: the truth itself; of a score of one class among several whether that was the one.
        has_class: whether it is such a score.
    """

    scores: npt.NDArray[np.float64]
    hits: npt.NDArray[np.float64]
    has_class: npt.NDArray[np.bool_]


CALLS: Final = """
    SELECT id, day, caller, rows, scores, classes, outcome, latency_us
    FROM ml_models_loggedprediction
    WHERE version_id = %(version)s AND alias = %(alias)s AND arm = %(arm)s
        AND day >= %(day)s AND id >= %(first)s
        AND (%(last)s::uuid IS NULL OR id < %(last)s::uuid)
    ORDER BY id DESC LIMIT %(calls)s
"""
SUMS: Final = f"""
    WITH calls AS MATERIALIZED ({CALLS}),
    sums AS (
        SELECT count(*) AS calls, count(DISTINCT caller) AS callers,
            coalesce(sum(rows), 0) AS rows, count(*) FILTER (WHERE outcome <> %(ok)s) AS failures,
            percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY latency_us) AS latency
        FROM calls),
    scores AS (
        SELECT count(*) AS scores, avg(score) AS mean, var_samp(score) AS variance,
            count(*) FILTER (WHERE score >= %(threshold)s) AS positives
        FROM calls, unnest(calls.scores) AS score)
    SELECT * FROM sums, scores
"""  # noqa: S608 - constants of this module
TRUTHS: Final = f"""
    WITH calls AS MATERIALIZED ({CALLS})
    SELECT array_agg(score), array_agg(hit), array_agg(has_class) FROM (
        SELECT row.score, row.class IS NOT NULL AS has_class,
            CASE WHEN row.class IS NULL THEN row.truth
                ELSE (row.truth = row.class)::int END AS hit
        FROM calls JOIN ml_models_predictiontruth AS known USING (id, day),
            unnest(calls.scores, calls.classes, known.truths) AS row (score, class, truth)
        WHERE row.score IS NOT NULL AND row.truth IS NOT NULL
        LIMIT %(truths)s) AS judged
"""  # noqa: S608 - constants of this module


def sums_of(arm: ArmQuery) -> ArmSums:
    """Of the newest calls of an arm."""
    (row,) = _rows(SUMS, arm)
    calls, callers, rows, failures, latency, scores, mean, variance, positives = row
    return ArmSums(
        calls=calls,
        callers=callers,
        rows=int(rows),
        failures=failures,
        latency_us=tuple(latency or ()),
        scores=scores,
        mean_score=mean,
        score_variance=variance,
        positives=positives,
    )


def judged_of(arm: ArmQuery) -> Judged:
    """The rows of these calls whose truth somebody has told."""
    ((scores, hits, has_class),) = _rows(TRUTHS, arm)
    return Judged(
        np.array(scores or (), dtype=np.float64),
        np.array(hits or (), dtype=np.float64),
        np.array(has_class or (), dtype=bool),
    )


def _rows(statement: str, arm: ArmQuery) -> Sequence[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arm.parameters)
        return list(cursor.fetchall())
