"""Plots of what has been measured of versions; where nothing has, what to do about it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from core.admin.charts import (
    Axis,
    Bar,
    Numbers,
    Point,
    Rule,
    Series,
    bar_chart,
    heat_chart,
    line_chart,
    nothing_yet,
    point_chart,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from django.utils.safestring import SafeString

    from apps.ml_models.models import DriftReading, ModelVersion, VersionQuality

NO_TRUTH: Final = (
    "Send what turned out to be true to POST /api/v1/predictions/{id}/feedback; the daily job "
    "measures from then on."
)
NO_LOG: Final = "Calls are sampled into the prediction log, and a daily job measures them."
NO_DRIFT: Final = (
    "Declare how the features were spread in training when you upload, or wait for the first "
    "thousand logged predictions."
)
NO_LATENCY: Final = "A version is measured when it is validated: upload it anew for that."
DAY_MARKS: Final = 6  # below a plot over days, about
FEATURES_SHOWN: Final = 12  # of a drift plot, the farthest drifted first
KIB: Final = 1024


def reliability_plot(days: Sequence[VersionQuality]) -> SafeString:
    """How often what was scored so came true; on the diagonal a score is a probability."""
    points = [
        Point(score, share, f"{known:,} rows scored about {score:.2f}, {share:.1%} true", known)
        for score, share, known in _reliability(days)
    ]
    if not points:
        return nothing_yet(NO_TRUTH)
    return point_chart(
        title="Reliability",
        x=Axis("Mean score", low=0.0, high=1.0),
        y=Axis("Share that came true", low=0.0, high=1.0),
        series=[Series("", points)],
        numbers=Numbers(
            ("Mean score", "Came true", "Rows known"),
            [(f"{p.x:.3f}", f"{p.y:.3f}", f"{p.weight:,.0f}") for p in points],
        ),
    )


def _reliability(days: Sequence[VersionQuality]) -> list[tuple[float, float, int]]:
    """Mean score, share of positives and rows known of each bin, all days together."""
    sums: dict[int, list[float]] = {}
    for day in days:
        for place, entry in enumerate(day.bins):
            into = sums.setdefault(place, [0.0, 0.0, 0.0])
            for part, name in enumerate(("truths", "positives", "score_sum")):
                into[part] += entry[name]
    return [
        (score_sum / truths, positives / truths, int(truths))
        for truths, positives, score_sum in sums.values()
        if truths
    ]


def score_plot(days: Sequence[VersionQuality]) -> SafeString:
    """How the scores of all logged rows are spread."""
    counts: list[int] = []
    for day in (day for day in days if day.bins):
        counts = counts or [0] * len(day.bins)
        counts = [count + entry["rows"] for count, entry in zip(counts, day.bins, strict=False)]
    if not sum(counts):
        return nothing_yet(NO_LOG)
    width = 1 / len(counts)
    bars = [
        Bar(
            place * width,
            (place + 1) * width,
            [count],
            f"{count:,} rows scored {place * width:.1f} to {(place + 1) * width:.1f}",
        )
        for place, count in enumerate(counts)
    ]
    x, y = Axis("Score", low=0.0, high=1.0), Axis("Rows", low=0.0)
    return bar_chart(title="Scores", x=x, y=y, bars=bars)


def auc_plot(by_version: Mapping[int, Sequence[VersionQuality]]) -> SafeString:
    """AUC of each day, a line a version."""
    days = sorted({row.day for rows in by_version.values() for row in rows})
    place = {day: float(number) for number, day in enumerate(days)}
    series = [
        Series(
            f"version {number}",
            [
                Point(
                    place[row.day],
                    math.nan if row.auc is None else row.auc,
                    f"{row.day}: {row.auc:.4f}" if row.auc is not None else "",
                )
                for row in rows
            ],
        )
        for number, rows in sorted(by_version.items())
        if any(row.auc is not None for row in rows)
    ]
    if not series:
        return nothing_yet(NO_TRUTH)
    numbers = Numbers(
        ("Version", "Day", "AUC", "Rows known"),
        [
            (number, str(row.day), "" if row.auc is None else f"{row.auc:.4f}", f"{row.truths:,}")
            for number, rows in sorted(by_version.items())
            for row in rows
        ],
    )
    x = Axis("Day (UTC)", low=0.0, high=max(place.values(), default=1.0) or 1.0, marks=_marks(days))
    return line_chart(title="AUC by day", x=x, y=Axis("AUC"), series=series, numbers=numbers)


def _marks(days: Sequence[date]) -> list[tuple[float, str]]:
    """Dates below some of the days."""
    every = max(1, -(-len(days) // DAY_MARKS))
    return [(float(n), f"{day:%d %b}") for n, day in enumerate(days) if n % every == 0]


def drift_plot(readings: Sequence[DriftReading]) -> SafeString:
    """PSI of each feature and day, as a share of its threshold."""
    if not readings:
        return nothing_yet(NO_DRIFT)
    days = sorted({reading.day for reading in readings})
    found: dict[str, dict[date, tuple[float, float]]] = {}
    for reading in readings:
        found.setdefault(reading.feature, {})[reading.day] = (reading.psi, reading.threshold)
    rows = [
        (name or "the score", [values.get(day) for day in days])
        for name, values in sorted(found.items(), key=_farthest_first)[:FEATURES_SHOWN]
    ]
    return heat_chart(
        title="Drift by feature and day",
        rows=rows,
        columns=[f"{day:%d %b}" for day in days],
        unit="PSI",
    )


def _farthest_first(
    item: tuple[str, Mapping[date, tuple[float, float]]],
) -> tuple[bool, float, str]:
    """The score first, then by how near the threshold a feature has come."""
    name, values = item
    return name != "", -max(psi / threshold for psi, threshold in values.values()), name


def score_drift_plot(readings: Sequence[DriftReading], feature: str = "") -> SafeString:
    """One feature's PSI, or the score's, against its threshold."""
    rows = [reading for reading in readings if reading.feature == feature]
    if not rows:
        return nothing_yet(NO_DRIFT)
    points = [Point(float(n), r.psi, f"{r.day}: {r.psi:.3f}") for n, r in enumerate(rows)]
    days = [reading.day for reading in rows]
    return line_chart(
        title=f"Drift of {feature or 'the score'}",
        x=Axis("Day (UTC)", low=0.0, high=float(max(len(rows) - 1, 1)), marks=_marks(days)),
        y=Axis("PSI", low=0.0),
        series=[Series(feature or "the score", points)],
        rules=[Rule(rows[-1].threshold, "threshold")],
    )


def latency_plot(measured: Mapping[str, Mapping[str, float]]) -> SafeString:
    """Microseconds of a call by its rows, a line a name."""
    return _by_batch(measured, title="Latency by batch size", unit="µs", label="Latency")


def memory_plot(measured: Mapping[str, Mapping[str, float]]) -> SafeString:
    """KiB a call takes by its rows, a line a name."""
    kib = {
        name: {rows: count / KIB for rows, count in values.items()}
        for name, values in measured.items()
    }
    return _by_batch(kib, title="Memory by batch size", unit="KiB", label="Memory of a call")


def _by_batch(
    measured: Mapping[str, Mapping[str, float]], *, title: str, unit: str, label: str
) -> SafeString:
    sizes = sorted({int(rows) for values in measured.values() for rows in values})
    if not sizes:
        return nothing_yet(NO_LATENCY)
    place = {size: float(number) for number, size in enumerate(sizes)}
    series = [
        Series(name, [Point(place[int(rows)], value) for rows, value in _by_size(values)])
        for name, values in measured.items()
        if values
    ]
    numbers = Numbers(
        ("Rows", *(f"{name}, {unit}" for name in measured)),
        [(size, *(_cell(values.get(str(size))) for values in measured.values())) for size in sizes],
    )
    marks = [(place[size], str(size)) for size in sizes]
    x = Axis("Rows of a call", low=-0.25, high=len(sizes) - 0.75, marks=marks)
    y = Axis(label, unit, low=0.0)
    return line_chart(title=title, x=x, y=y, series=series, numbers=numbers)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"


def _by_size(values: Mapping[str, float]) -> Iterable[tuple[str, float]]:
    return sorted(values.items(), key=lambda item: int(item[0]))


def measured_of(version: ModelVersion, kind: str, engine: str = "") -> dict[str, float]:
    """latency_us or memory_bytes by rows, of one engine; default: the one that serves it."""
    engines: Mapping[str, Any] = (version.validation_report or {}).get("engines") or {}
    facts: Mapping[str, Any] = engines.get(engine or version.engine) or {}
    measured = facts.get(kind)
    if not isinstance(measured, dict):
        return {}
    return {rows: float(value) for rows, value in measured.items() if rows.isdigit()}


def engines_of(version: ModelVersion, kind: str) -> dict[str, dict[str, float]]:
    """By engine, as far as they were measured."""
    engines = (version.validation_report or {}).get("engines") or {}
    found = {name: measured_of(version, kind, name) for name in sorted(engines)}
    return {name: values for name, values in found.items() if values}


def difference_plot(edges: Sequence[float], counts: Sequence[int]) -> SafeString:
    """How far the scores of two versions are apart, whatever the direction."""
    if not sum(counts):
        return nothing_yet("A replay that has run shows here how far the scores are apart.")
    bars = [
        Bar(low, high, [count], f"{count:,} rows differ by {low:.3g} to {high:.3g}")
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    ]
    x, y = Axis("Difference of scores", low=0.0), Axis("Rows", low=0.0)
    return bar_chart(title="Differences of scores", x=x, y=y, bars=bars)
