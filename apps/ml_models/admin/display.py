"""How signatures, figures and states look on admin pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.html import format_html, format_html_join

from apps.ml_models.selectors.batches import progress_of
from core.admin import pill
from core.admin.display import BLANK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.utils.safestring import SafeString

    from apps.ml_models.models import BatchPrediction, ModelVersion
    from core.admin.display import Mood

VERSION_MOODS: dict[str, Mood] = {"ready": "good", "rejected": "bad", "retired": ""}
BATCH_MOODS: dict[str, Mood] = {
    "succeeded": "good",
    "partially_succeeded": "busy",
    "failed": "bad",
    "cancelled": "",
    "expired": "",
}
VOCABULARY_SHOWN = 12  # entries; the rest are counted
DIGITS = 4  # of a metric, after the point


def version_state(version: ModelVersion) -> SafeString:
    return pill(version.get_state_display(), VERSION_MOODS.get(version.state, "busy"))


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


def table(header: Sequence[str], lines: Iterable[Sequence[object]]) -> SafeString:
    """A plain table; every cell is escaped."""
    head = format_html_join("", "<th>{}</th>", ((title,) for title in header))
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        ((format_html_join("", "<td>{}</td>", ((cell,) for cell in line)),) for line in lines),
    )
    return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, body)
