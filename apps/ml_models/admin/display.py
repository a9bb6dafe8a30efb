"""How signatures, figures and states look on admin pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.html import format_html

from apps.ml_models.models import OK, ServedVersion
from apps.ml_models.selectors.batches import progress_of
from core.admin import pill
from core.admin.display import BLANK, table, together

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.utils.safestring import SafeString

    from apps.ml_models.models import (
        BatchPrediction,
        LoggedPrediction,
        ModelVersion,
        Promotion,
        Replay,
        Rollout,
        TrafficSplit,
    )
    from core.admin.display import Mood

VERSION_MOODS: dict[str, Mood] = {"ready": "good", "rejected": "bad", "retired": ""}
ROLLOUT_MOODS: dict[str, Mood] = {"live": "good", "failed": "bad", "superseded": ""}
PROMOTION_MOODS: dict[str, Mood] = {"approved": "good", "rejected": "bad", "withdrawn": ""}
REPLAY_MOODS: dict[str, Mood] = {"succeeded": "good", "failed": "bad"}
SPLIT_MOODS: dict[str, Mood] = {"active": "good", "rolled_back": "bad", "ended": ""}
SERVED_MOODS: dict[str, Mood] = {"available": "good", "end": "bad"}
BATCH_MOODS: dict[str, Mood] = {
    "succeeded": "good",
    "partially_succeeded": "busy",
    "failed": "bad",
    "cancelled": "",
    "expired": "",
}
MINUTE = 60  # seconds
ROWS_SHOWN = 50  # of one logged call
VOCABULARY_SHOWN = 12  # entries; the rest are counted
DIGITS = 4  # of a metric, after the point


def version_state(version: ModelVersion) -> SafeString:
    return pill(version.get_state_display(), VERSION_MOODS.get(version.state, "busy"))


def rollout_state(rollout: Rollout) -> SafeString:
    return pill(rollout.get_state_display(), ROLLOUT_MOODS.get(rollout.state, "busy"))


def promotion_state(promotion: Promotion) -> SafeString:
    return pill(promotion.get_state_display(), PROMOTION_MOODS.get(promotion.state, "busy"))


def replay_state(replay: Replay) -> SafeString:
    return pill(replay.get_state_display(), REPLAY_MOODS.get(replay.state, "busy"))


def split_state(split: TrafficSplit) -> SafeString:
    return pill(split.get_state_display(), SPLIT_MOODS.get(split.state, "busy"))


def served_state(served: ServedVersion) -> SafeString:
    """Ended without a word is no fault: the version was unloaded."""
    is_over = served.state == ServedVersion.State.END and not served.detail
    mood = "" if is_over else SERVED_MOODS.get(served.state, "busy")
    return pill(served.get_state_display(), mood)


def outcome(code: str) -> SafeString:
    """How a logged call ended."""
    return pill(code, "good" if code == OK else "bad")


def percent(share: float | None) -> str:
    """A share (0 to 1) for people; a dash for None."""
    return BLANK if share is None else f"{100 * share:.4g} %"


def figure(value: float | None) -> str:
    """A measured number with DIGITS after the point; a dash for None."""
    return BLANK if value is None else f"{value:.{DIGITS}f}"


def lasted(start: datetime, end: datetime | None) -> str:
    """Between two times, e.g. 1.4 s; a dash as long as it lasts."""
    if end is None:
        return BLANK
    seconds = (end - start).total_seconds()
    text = f"{seconds:.1f} s" if seconds < MINUTE else f"{seconds / MINUTE:,.1f} min"
    return together(text)


def logged_rows(row: LoggedPrediction, signature: Mapping[str, Any] | None) -> SafeString | str:
    """Features and score of each logged row, under their names as far as they are known."""
    if row.features is None:
        return BLANK
    width = max((len(values) for values in row.features), default=0)
    names = [feature["name"] for feature in (signature or {}).get("features", ())][:width]
    names += [f"feature {place + 1}" for place in range(len(names), width)]
    scores = row.scores or []
    return table(
        (*names, "score"),
        (
            (*values, figure(scores[place]) if place < len(scores) else BLANK)
            for place, values in enumerate(row.features[:ROWS_SHOWN])
        ),
    )


def batch_status(job: BatchPrediction) -> SafeString:
    return pill(job.get_status_display(), BATCH_MOODS.get(job.status, "busy"))


def progress_bar(job: BatchPrediction) -> SafeString | str:
    """A bar with its figure; a dash until the rows have been counted."""
    percent = progress_of(job).percent
    if percent is None:
        return BLANK
    return format_html(
        '<progress max="100" value="{}"></progress> {} of {} rows',
        percent,
        f"{job.done_rows:,}",
        f"{job.total_rows:,}",
    )


def signature_table(signature: Mapping[str, Any] | None) -> SafeString | str:
    """Features and outputs, one a line."""
    if signature is None:
        return BLANK
    features = table(
        ("Feature", "Kind", "Unit", "Values", "Shape"),
        (
            (f["name"], f["kind"], f.get("unit", ""), _values_of(f), _shape_of(f))
            for f in signature["features"]
        ),
    )
    outputs = table(
        ("Output", "Shape", "Classes"),
        ((o["name"], _shape_of(o), ", ".join(o["class_labels"])) for o in signature["outputs"]),
    )
    return format_html("{}{}", features, outputs)


def _values_of(feature: Mapping[str, Any]) -> str:
    vocabulary = feature.get("vocabulary") or []
    if vocabulary:
        rest = len(vocabulary) - VOCABULARY_SHOWN
        shown = ", ".join(vocabulary[:VOCABULARY_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
        return f"{shown}; anything else: {feature.get('unknown', 'reject')}"
    low, high = feature.get("minimum"), feature.get("maximum")
    if low is None and high is None:
        return ""
    return f"{'' if low is None else f'{low:g}'} … {'' if high is None else f'{high:g}'}"


def _shape_of(tensor: Mapping[str, Any]) -> str:
    return " x ".join(str(length) for length in tensor.get("shape") or [])


def metrics_table(metrics: Mapping[str, Any]) -> SafeString | str:
    """The model's figures, each beside those of the baselines it was compared with."""
    baselines: dict[str, dict[str, Any]] = metrics.get("baselines") or {}
    figures = {name: value for name, value in metrics.items() if _is_number(value)}
    if not figures:
        return BLANK
    return table(
        ("Metric", "Model", *baselines),
        (
            (name, _figure(value), *(_figure(row.get(name)) for row in baselines.values()))
            for name, value in figures.items()
        ),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _figure(value: object) -> str:
    return f"{value:.{DIGITS}f}" if isinstance(value, float) else str(value)
