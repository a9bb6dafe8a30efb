"""Quality of a version by day: the log joined with the truth, figured out by SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import connection, transaction

from apps.ml_models.models import VersionQuality
from apps.ml_models.selectors.quality import are_classes
from apps.ml_models.services.predictions.patience import take_time
from apps.ml_models.services.quality.isolating import looked_at_alone
from apps.ml_models.services.quality.pending import reopened_days, unfinished_days

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from uuid import UUID

TABLE: Final = "ml_models_versionquality"
BINS: Final = 10  # equally wide, of scores from 0 to 1
BIN: Final = ("rows", "truths", "positives", "score_sum")
QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

# A row a logged row. `hit` is what the score should have been: 0 or 1 where it is a probability
# (of a class: whether it was that class), else the number itself; null: not known.
SCORED: Final = """
    WITH logged AS MATERIALIZED (
        SELECT call.outcome, call.latency_us, call.scores, call.classes, truth.truths
        FROM ml_models_loggedprediction AS call
        LEFT JOIN ml_models_predictiontruth AS truth
            ON truth.id = call.id AND truth.day = call.day
        WHERE call.version_id = %(version)s AND call.day = %(day)s
    ), scored AS MATERIALIZED (
        SELECT one.score,
            CASE WHEN one.class IS NULL THEN one.truth
                ELSE (one.truth = one.class)::int END AS hit
        FROM logged, unnest(scores, classes, truths) AS one (score, class, truth)
        WHERE one.score IS NOT NULL
    )
"""
# AUC by the ranks of the positives (Mann-Whitney), equal scores sharing the mean of their ranks.
# A probability is kept 1e-7 off 0 and 1, as training.metrics does: none may cost infinity. Nor may
# an error beyond 1e150, whose square no double holds, end the statement.
FIGURES: Final = (
    SCORED  # noqa: S608 - two texts of ours
    + """
    , ranked AS (
        SELECT score, hit, is_binary, least(abs(score - hit), 1e150) ^ 2 AS squared_error,
            least(greatest(score, 1e-7), 1 - 1e-7) AS clipped,
            rank() OVER (PARTITION BY is_binary ORDER BY score)
                + (count(*) OVER (PARTITION BY is_binary, score) - 1) / 2.0 AS place
        FROM scored, LATERAL (SELECT hit IN (0, 1) AS is_binary) AS kind WHERE hit IS NOT NULL
    )
    SELECT
        (SELECT count(*) FROM logged) AS calls,
        (SELECT count(*) FROM logged WHERE outcome <> 'ok') AS failed_calls,
        (SELECT count(*) FROM scored) AS rows,
        (SELECT avg(score) FROM scored) AS mean_score,
        (SELECT bool_and(score BETWEEN 0 AND 1) FROM scored) AS in_unit,
        (SELECT percentile_cont(%(quantiles)s) WITHIN GROUP (ORDER BY latency_us)
            FROM logged WHERE outcome = 'ok') AS latency_us,
        count(*) AS truths,
        count(*) FILTER (WHERE is_binary) AS binary_truths,
        count(*) FILTER (WHERE hit = 1) AS positives,
        sum(place) FILTER (WHERE hit = 1) AS rank_sum,
        avg(squared_error) AS squared_error,
        avg(squared_error) FILTER (WHERE is_binary) AS brier,
        -avg(ln(CASE WHEN hit = 1 THEN clipped ELSE 1 - clipped END)) FILTER (WHERE is_binary)
            AS log_loss
    FROM ranked
"""
)
FILLED_BINS: Final = (
    SCORED  # noqa: S608 - as above
    + """
    SELECT least(floor(score * 10), 9)::int, count(*), count(*) FILTER (WHERE hit IN (0, 1)),
        count(*) FILTER (WHERE hit = 1), coalesce(sum(score) FILTER (WHERE hit IN (0, 1)), 0)
    FROM scored GROUP BY 1
"""
)


def measure_quality(*, now: datetime) -> int:
    """Compute the rows that are not final or that more truth has reopened; how many.

    Running it again changes nothing but the time of computing. Figures need no model: scores are
    in the log. A day that cannot be computed is counted and leaves the others alone.
    """
    days = {*unfinished_days(TABLE, now=now), *reopened_days()}
    done = 0
    for version_id, day in sorted(days, key=lambda pair: (pair[1], pair[0])):
        with looked_at_alone("quality", version_id, day):
            measure_day(version_id=version_id, day=day, now=now)
            done += 1
    return done


@transaction.atomic
def measure_day(*, version_id: UUID, day: date, now: datetime) -> VersionQuality:
    """Compute one version's quality on one day (UTC).

    Where most truths are 0 or 1 (see are_classes), figures and `truths` are of those rows alone.
    """
    take_time()
    found = _one(FIGURES, version_id, day)
    is_class = are_classes(found["binary_truths"], found["truths"])
    is_share = bool(found["rows"]) and found["in_unit"]
    bins = _bins(version_id, day) if is_share and (is_class or not found["truths"]) else []
    row = VersionQuality(
        version_id=version_id,
        day=day,
        **{name: found[name] for name in ("calls", "failed_calls", "rows")},
        truths=found["binary_truths"] if is_class else found["truths"],
        mean_score=found["mean_score"],
        brier=found["brier"] if is_class else found["squared_error"],
        positives=found["positives"] if is_class else 0,
        auc=_auc(found) if is_class else None,
        log_loss=found["log_loss"] if is_class and is_share else None,
        calibration_error=calibration_error(bins) if is_class else None,
        bins=bins,
        latency_us={
            name: round(value)
            for name, value in zip(QUANTILES, found["latency_us"] or (), strict=False)
        },
        computed_at=now,
    )
    _store(row)
    return row


def _store(row: VersionQuality) -> None:
    figures = [
        field.name
        for field in VersionQuality._meta.concrete_fields  # noqa: SLF001 - Django's documented model API
        if field.name not in {"id", "version", "day"}
    ]
    VersionQuality.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["version", "day"], update_fields=figures
    )


def _auc(found: Mapping[str, Any]) -> float | None:
    """None: not both classes are there."""
    positives = found["positives"]
    negatives = found["binary_truths"] - positives
    if not positives or not negatives:
        return None
    wins = float(found["rank_sum"]) - positives * (positives + 1) / 2
    return float(wins / (positives * negatives))


def calibration_error(bins: Sequence[Mapping[str, float]]) -> float | None:
    """Expected calibration error: mean gap between promise and fact, weighted by the truths."""
    known = [each for each in bins if each["truths"]]
    if not known:
        return None
    gaps = sum(abs(each["score_sum"] - each["positives"]) for each in known)
    return gaps / sum(each["truths"] for each in known)


def _bins(version_id: UUID, day: date) -> list[dict[str, float]]:
    bins: list[dict[str, float]] = [dict.fromkeys(BIN, 0) for _ in range(BINS)]
    with connection.cursor() as cursor:
        cursor.execute(FILLED_BINS, {"version": version_id, "day": day})
        for place, rows, truths, positives, score_sum in cursor.fetchall():
            values = (rows, truths, positives, score_sum)
            bins[place] = dict(zip(BIN, values, strict=True))
    return bins


def _one(statement: str, version_id: UUID, day: date) -> dict[str, Any]:
    parameters: dict[str, UUID | date | list[float]] = {
        "version": version_id,
        "day": day,
        "quantiles": list(QUANTILES.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        names = [column.name for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))
