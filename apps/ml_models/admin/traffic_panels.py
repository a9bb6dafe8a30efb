"""The page of a split: what its guard saw against its limits, and the arms side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.html import format_html, format_html_join

from apps.ml_models.admin.display import figure, percent, split_state
from apps.ml_models.models import TrafficSplit
from core.admin import Panel, pill
from core.admin.charts import Axis, Interval, interval_chart, meter, nothing_yet
from core.admin.display import BLANK, facts, moment
from core.admin.objects import link

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.utils.safestring import SafeString

    from apps.ml_models.selectors.traffic import ArmReport, Comparison, ShadowComparison

PLOTTED: Final = {
    "error_share": ("Failed calls", "%", 100.0),
    "positive_share": ("Positive decisions", "%", 100.0),
    "mean_score": ("Mean score", "", 1.0),
    "accuracy": ("Decisions that were right", "%", 100.0),
    "auc": ("AUC", "", 1.0),
    "brier": ("Brier score", "", 1.0),
}
"""Figures of an arm: in words, in which unit, times what."""
LIMITS: Final = (
    ("max_error_share", "error_share", "Failed calls"),
    ("max_latency_ratio", "latency_ratio", "Latency to the own version's, p95"),
    ("max_score_psi", "score_psi", "Score PSI against the own version's"),
)


def split_panels(split: TrafficSplit, found: Comparison | None) -> list[Panel]:
    """`found` is None where there is nothing to compare any more."""
    panels = [Panel("Share", _head(split), is_wide=True)]
    if split.kind == TrafficSplit.Kind.CANARY:
        panels.append(Panel("Limits", _limits(split), is_wide=True))
    if found is None:
        return panels
    if split.kind == TrafficSplit.Kind.SHADOW:
        return [*panels, Panel("Beside what callers got", _shadow(found.shadow), is_wide=True)]
    return [
        *panels,
        *(Panel(PLOTTED[name][0], _plot(name, found.arms)) for name in PLOTTED),
        Panel("Arms", _arms(found.arms), is_wide=True),
        Panel("Candidate less the alias's own", _differences(found), is_wide=True),
    ]


def _head(split: TrafficSplit) -> SafeString:
    of = "callers" if split.kind == TrafficSplit.Kind.CANARY else "calls, run beside"
    line = format_html(
        '<p class="headline">{} {} {} of {} for {}</p>',
        *(split_state(split), split.get_kind_display(), f"{split.share / 100:g} %", of),
        link(split.version, f"version {split.version.number}"),
    )
    if split.state == TrafficSplit.State.ACTIVE:
        return line
    by = split.ended_by or "the guard, or the platform"
    return format_html(
        "{}<p>Ended {} by {}: <code>{}</code> {}</p>",
        *(line, moment(split.ended_at), by, split.end_code, split.end_detail),
    )


def _limits(split: TrafficSplit) -> SafeString:
    """Bars that fill up to the limit."""
    seen = split.observed
    rows = [_limit(name, getattr(split, limit), seen.get(key)) for limit, key, name in LIMITS]
    rows.append(("Judged from", f"{split.min_calls:,} calls", f"{seen.get('calls', 0):,}", ""))
    table = facts(("Figure", "Ends above", "Seen", ""), rows)
    looked = "Its guard has not looked yet."
    if split.observed_at:
        looked = f"Its guard looked {moment(split.observed_at)}."
    return format_html('{}<p class="quiet">{}</p>', table, looked)


def _limit(name: str, limit: float | None, seen: object) -> tuple[object, ...]:
    value = float(seen) if isinstance(seen, int | float) else None
    shown = BLANK if value is None else f"{value:.4g}"
    if limit is None:
        return name, "any", shown, ""
    bar = "" if value is None else meter(title=name, amount=value, whole=limit, text="")
    return name, f"{limit:g}", shown, bar


def _plot(name: str, arms: Sequence[ArmReport]) -> SafeString:
    words, unit, times = PLOTTED[name]
    found = [(arm, interval) for arm in arms if (interval := getattr(arm, name)) is not None]
    if not found:
        return nothing_yet("It shows when enough calls, or truths, are known.")
    return interval_chart(
        title=f"{words}, with 95 % intervals",
        axis=Axis(words, unit),
        intervals=[
            Interval(_named(arm), times * each.low, times * each.value, times * each.high)
            for arm, each in found
        ],
    )


def _named(arm: ArmReport) -> str:
    return f"{arm.arm}, version {arm.version}"


def _arms(arms: Sequence[ArmReport]) -> SafeString:
    header = ("Arm", "Calls", "Callers", "Failed", "Latency p50, p95", "Truths", "Calibration")
    rows = (
        (
            _named(arm),
            f"{arm.sums.calls:,}",
            f"{arm.sums.callers:,}",
            f"{arm.sums.failures:,}",
            _latency(arm.sums.latency_us),
            BLANK if arm.truths is None else f"{arm.truths.count:,}",
            BLANK if arm.truths is None else figure(arm.truths.calibration_error),
        )
        for arm in arms
    )
    return facts(header, rows)


def _latency(quantiles: Sequence[float | None]) -> str:
    return ", ".join(f"{value:,.0f} µs" for value in quantiles if value is not None) or BLANK


def _differences(found: Comparison) -> SafeString:
    if not found.differences:
        return nothing_yet("Both arms must have answered calls.", "Nothing to compare yet.")
    rows = (
        (
            PLOTTED.get(each.measure, (each.measure.replace("_", " ").capitalize(),))[0],
            f"{each.interval.value:+.4g}",
            f"{each.interval.low:+.4g} to {each.interval.high:+.4g}",
            pill(each.verdict, "busy") if each.verdict else "no difference shown",
        )
        for each in found.differences
    )
    return facts(("Figure", "Difference", "95 % interval", "So the candidate"), rows)


def _shadow(shadow: ShadowComparison | None) -> SafeString:
    if shadow is None or not shadow.calls:
        return nothing_yet("It shows when the first calls have been run beside.")
    lines = format_html_join("", "<dt>{}</dt><dd>{}</dd>", _shadow_lines(shadow))
    return format_html('<dl class="facts">{}</dl>', lines)


def _shadow_lines(shadow: ShadowComparison) -> Iterator[tuple[str, object]]:
    yield "Calls", f"{shadow.calls:,}"
    yield "Failed", f"{shadow.failures:,} here, {shadow.own_failures:,} of the callers' version"
    flips = shadow.flip_share
    yield "Rows compared", f"{shadow.rows:,}"
    if flips is not None:
        span = f"{percent(flips.low)} to {percent(flips.high)}"
        yield "Decided otherwise", f"{percent(flips.value)} ({span})"
    yield "Scores apart by", f"{figure(shadow.mean_difference)} on average"
    yield "Half of them within", figure(shadow.difference_p50)
    yield "95 % of them within", figure(shadow.difference_p95)
    yield "At most", figure(shadow.largest_difference)
    yield "Latency p50, p95", _latency((shadow.latency_p50_us, shadow.latency_p95_us))
