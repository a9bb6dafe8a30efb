"""The page of a replay: how much would change, by how far, and in which rows most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.utils.html import format_html, format_html_join

from apps.ml_models.admin import plots
from apps.ml_models.admin.display import figure, percent, replay_state
from apps.ml_models.models import Replay
from apps.ml_models.selectors.replays import share_of
from core.admin import Panel, pill
from core.admin.charts import Axis, Interval, interval_chart, nothing_yet
from core.admin.display import BLANK, facts, moment
from core.admin.objects import link

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from django.utils.safestring import SafeString

WAITING: Final = {
    Replay.State.QUEUED: "It waits for a worker.",
    Replay.State.RUNNING: "It runs; load the page again to see how far it is.",
    Replay.State.FAILED: "It failed; why stands below.",
}
FEATURES_SHOWN: Final = 8  # of a row


def replay_panels(
    replay: Replay, most: Sequence[Mapping[str, Any]], *, may_see: bool
) -> list[Panel]:
    """`most` are the rows that differ most; empty where they may not be seen."""
    panels = [Panel("What a promotion would change", _summary(replay), is_wide=True)]
    if replay.state != Replay.State.SUCCEEDED:
        return panels
    differences = replay.result.get("differences") or {}
    plot = plots.difference_plot(differences.get("edges", ()), differences.get("counts", ()))
    return [
        *panels,
        Panel("Differences of scores", plot),
        Panel("Decisions", _decisions(replay)),
        Panel("Rows that differ most", _most(most, may_see=may_see), is_wide=True),
        Panel("Rows that the candidate could not answer", _failures(replay), is_wide=True),
    ]


def _summary(replay: Replay) -> SafeString:
    candidate = link(replay.candidate, f"version {replay.candidate.number}")
    baseline = link(replay.baseline, f"version {replay.baseline.number}")
    head = format_html(
        '<p class="headline">{} {} against {}</p>', replay_state(replay), candidate, baseline
    )
    said = WAITING.get(Replay.State(replay.state))
    if said is not None:
        done = f"{replay.calls:,} of {replay.requested:,} calls so far."
        return format_html("{}<p>{} {}</p>", head, said, done)
    share = share_of(replay)
    if share is None:
        return format_html("{}{}", head, nothing_yet("No logged row could be compared."))
    items = format_html_join("", "<dt>{}</dt><dd>{}</dd>", _lines(replay))
    interval = Interval("would change", 100 * share.low, 100 * share.share, 100 * share.high)
    plot = interval_chart(
        title="Decisions that would change, with the 95 % interval",
        axis=Axis("Decisions that would change", "%", low=0.0),
        intervals=[interval],
    )
    return format_html('{}<div class="pair"><dl class="facts">{}</dl>{}</div>', head, items, plot)


def _lines(replay: Replay) -> Iterator[tuple[str, object]]:
    differences = replay.result.get("differences") or {}
    yield "Calls", f"{replay.calls:,} of {replay.requested:,} asked for"
    yield "Rows", f"{replay.rows:,}"
    yield "Decided otherwise", f"{replay.flips:,}, {percent(replay.flips / replay.rows)}"
    yield "Not answered", f"{replay.failed_rows:,}"
    yield "Scores apart by", f"{figure(replay.mean_difference)} on average"
    yield "95 % of them within", figure(differences.get("p95"))
    yield "At most", figure(replay.largest_difference)
    yield "Time of a row", _times(replay)
    yield "Finished", moment(replay.finished_at)


def _times(replay: Replay) -> str:
    times = replay.result.get("microseconds_per_row") or {}
    sides = [side for side in ("candidate", "baseline") if times.get(side)]
    shown = [f"{side} {times[side]:,.1f} µs" for side in sides]
    return ", ".join(shown) or BLANK


def _decisions(replay: Replay) -> SafeString:
    """Baseline down, candidate along; what is off the diagonal would change."""
    pairs = {
        (entry["baseline"], entry["candidate"]): entry["rows"]
        for entry in replay.result.get("decisions", ())
    }
    if not pairs:
        return nothing_yet("No row was decided by both.")
    names = sorted({name for pair in pairs for name in pair})
    rows = (
        (
            f"baseline {before}",
            *(_cell(pairs.get((before, after), 0), is_same=before == after) for after in names),
        )
        for before in names
    )
    return facts(("Rows", *(f"candidate {name}" for name in names)), rows)


def _cell(count: int, *, is_same: bool) -> SafeString | str:
    if is_same or not count:
        return f"{count:,}"
    return pill(f"{count:,}", "busy")


def _most(most: Sequence[Mapping[str, Any]], *, may_see: bool) -> SafeString:
    if not may_see:
        return nothing_yet("They are shown to those who may view logged predictions.", "Not here.")
    if not most:
        return nothing_yet("No scores differ, or the log has the rows no more.", "None.")
    header = ("Prediction", "Row", "Baseline", "Candidate", "Difference", "Features")
    rows = (
        (
            _prediction(str(row["prediction_id"])),
            row["row"] + 1,
            *(_side(row, side) for side in ("baseline", "candidate")),
            figure(row["difference"]),
            _features(row["features"]),
        )
        for row in most
    )
    return facts(header, rows)


def _prediction(key: str) -> SafeString:
    page = reverse("admin:ml_models_loggedprediction_change", args=[key])
    return format_html('<a href="{}"><code>{}</code></a>', page, key)


def _side(row: Mapping[str, Any], side: str) -> str:
    return f"{row[side]['score']:.4f}, decides {row[side]['decision']}"


def _features(features: Mapping[str, object]) -> str:
    shown = [f"{name} {value}" for name, value in list(features.items())[:FEATURES_SHOWN]]
    rest = len(features) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def _failures(replay: Replay) -> SafeString:
    failures = replay.result.get("failures") or ()
    if not failures:
        return nothing_yet("The candidate answered all that the baseline did.", "None.")
    rows = ((entry["code"], entry["feature"] or BLANK, f"{entry['rows']:,}") for entry in failures)
    return facts(("Code", "Feature", "Rows"), rows)
