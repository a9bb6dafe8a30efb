"""The page of a version: its way here, its card, what it takes, how it measures and behaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.html import format_html, format_html_join

from apps.ml_models.admin import plots
from apps.ml_models.admin.display import (
    figure,
    metrics_table,
    percent,
    signature_table,
    version_state,
)
from apps.ml_models.admin.markdown import rendered
from apps.ml_models.admin.tables import (
    gate_table,
    pills,
    replays_table,
    served_table,
)
from core.admin import Panel, pill
from core.admin.charts import nothing_yet
from core.admin.display import BLANK, facts, moment, size
from core.admin.objects import link
from serving.reasons import explained

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from django.utils.safestring import SafeString

    from apps.ml_models.models import DriftReading, ModelVersion, VersionQuality, VersionTransition
    from apps.ml_models.selectors.version_page import VersionPage

SCALARS = (str, int, float, bool)


def version_panels(
    version: ModelVersion, page: VersionPage, gate: Sequence[Mapping[str, Any]]
) -> list[Panel]:
    """`gate` are the checks that it would have to pass to become champion now."""
    panels = [Panel("State", _state(version, page), is_wide=True)]
    if version.reason_code:
        panels.append(Panel("Why it was rejected", _rejection(version), is_wide=True))
    panels += [
        Panel("Model card", _card(page), is_wide=True),
        Panel("Signature", signature_or_nothing(version), is_wide=True),
        Panel("Metrics", _metrics(version)),
        Panel("Origin", _origin(version, page)),
    ]
    if version.state in {version.State.READY, version.State.RETIRED}:
        panels += _measured(version, page, gate)
    return panels


def _measured(
    version: ModelVersion, page: VersionPage, gate: Sequence[Mapping[str, Any]]
) -> list[Panel]:
    latency = plots.engines_of(version, "latency_us")
    memory = plots.engines_of(version, "memory_bytes")
    return [
        Panel("Latency by batch size, at validation", plots.latency_plot(latency)),
        Panel("Memory by batch size, at validation", plots.memory_plot(memory)),
        Panel("Validation", _validation(version)),
        Panel("Quality", _quality(page.quality)),
        Panel("Reliability", plots.reliability_plot(page.quality)),
        Panel("Scores", plots.score_plot(page.quality)),
        Panel("Drift by feature and day, PSI", plots.drift_plot(page.drift)),
        Panel("Drift of the score", plots.score_drift_plot(page.drift)),
        Panel("Drift, newest day", _drift_table(page.drift), is_wide=True),
        Panel("Gate, if it were to be champion now", gate_table(gate), is_wide=True),
        Panel("Replays", replays_table(page.replays), is_wide=True),
        Panel("Served by", served_table(page.served), is_wide=True),
    ]


def _state(version: ModelVersion, page: VersionPage) -> SafeString:
    aliases = sorted(alias.alias for alias in version.aliases.all())
    head = format_html(
        '<p class="headline">{} {} {}</p>',
        version_state(version),
        pills(aliases) if aliases else "",
        "" if page.card is None else page.card.description,
    )
    return format_html("{}{}", head, timeline(page.transitions))


def timeline(transitions: Sequence[VersionTransition]) -> SafeString:
    """Each move with when, who and why, oldest first."""
    if not transitions:
        return nothing_yet("Versions of before this was kept have none.", "No moves are kept.")
    items = format_html_join(
        "",
        '<li class="{}"><b>{}</b><time>{}</time><span>{}</span>{}</li>',
        (
            (
                row.to_state,
                row.to_state,
                moment(row.at),
                row.actor or "the platform",
                _why(row),
            )
            for row in transitions
        ),
    )
    return format_html('<ol class="timeline">{}</ol>', items)


def _why(row: VersionTransition) -> SafeString:
    said = [row.reason] if row.reason else []
    if row.reason_code:
        said.append(row.reason_code)
    digest = format_html("<code>{}…</code>", row.sha256[:12]) if row.sha256 else ""
    quoted = format_html("<q>{}</q>", ": ".join(said)) if said else ""
    return format_html("{}{}", quoted, digest)


def _rejection(version: ModelVersion) -> SafeString:
    where = version.reason_pointer or "the whole file"
    return format_html(
        '<p class="headline">{} <code>{}</code></p><p>{}</p>'
        '<dl class="facts"><dt>Where</dt><dd><code>{}</code></dd><dt>Detail</dt><dd>{}</dd></dl>',
        *(version_state(version), version.reason_code, explained(version.reason_code)),
        *(where, version.reason_detail or BLANK),
    )


def _card(page: VersionPage) -> SafeString:
    text = "" if page.card is None else rendered(page.card.text)
    if not text:
        hint = "Send `model_card` with the upload, or with PATCH, in Markdown."
        return nothing_yet(hint, "Nobody has written one.")
    return format_html("{}", text)


def signature_or_nothing(version: ModelVersion) -> SafeString:
    shown = signature_table(version.signature)
    if shown == BLANK:
        return nothing_yet("It is read from the model when it is validated.", "Not known yet.")
    return format_html('<div class="scroll facts">{}</div>', shown)


def _metrics(version: ModelVersion) -> SafeString:
    shown = metrics_table(version.metrics)
    if shown == BLANK:
        return nothing_yet("Send `metrics` with the upload.", "None declared.")
    return format_html('<div class="scroll facts">{}</div>', shown)


def _origin(version: ModelVersion, page: VersionPage) -> SafeString:
    lines = format_html_join("", "<dt>{}</dt><dd>{}</dd>", _origin_lines(version, page))
    return format_html('<dl class="facts">{}</dl>', lines)


def _origin_lines(version: ModelVersion, page: VersionPage) -> Iterator[tuple[str, object]]:
    card = page.card
    if card is not None:
        yield "Made from", BLANK if card.parent is None else link(card.parent, str(card.parent))
    children = ((link(child, str(child)),) for child in page.children)
    yield "Made from it", format_html_join(", ", "{}", children) or BLANK
    if card is not None:
        yield "Source", card.source or BLANK
        yield "Run", card.run_id or BLANK
        yield "Training data", _digest(card.training_data_digest)
        yield "Frameworks", _named(card.frameworks)
        yield "Training", _named(card.training or version.metrics.get("training") or {})
    tags = ((pill(f"{tag.key}={tag.value}" if tag.value else tag.key),) for tag in page.tags)
    yield "Tags", format_html_join(" ", "{}", tags) or BLANK
    yield "Artefact", _digest(version.artefact_digest)
    yield "Upload", _digest(version.upload_digest)


def _digest(digest: str) -> SafeString | str:
    return format_html('<code title="{}">{}…</code>', digest, digest[:16]) if digest else BLANK


def _named(values: Mapping[str, Any]) -> str:
    """Plain values by name; what is nested is counted."""
    shown = [
        f"{name.replace('_', ' ')} {value if isinstance(value, SCALARS) else f'({len(value)})'}"
        for name, value in sorted(values.items())
        if isinstance(value, (*SCALARS, list, dict))
    ]
    return ", ".join(shown) or BLANK


def _validation(version: ModelVersion) -> SafeString:
    report: Mapping[str, Any] = version.validation_report or {}
    engines = facts(
        ("Engine", "Answers alike", "Largest difference", "Loaded"),
        (
            (
                name,
                pill("yes", "good") if found.get("ok") else _refused_by(found),
                _difference(found.get("largest_difference")),
                size(found["loaded_bytes"]) if found.get("loaded_bytes") else BLANK,
            )
            for name, found in sorted((report.get("engines") or {}).items())
        ),
    )
    layers = format_html_join(
        " ",
        "{}",
        (
            (pill(name.replace("_", " "), "good" if is_on else "bad"),)
            for name, is_on in sorted((report.get("sandbox") or {}).items())
        ),
    )
    golden = (version.manifest or {}).get("golden_rows") or BLANK
    return format_html(
        '{}<dl class="facts"><dt>Sandbox</dt><dd>{}</dd><dt>Golden rows</dt><dd>{}</dd>'
        "<dt>Attempts</dt><dd>{}</dd></dl>",
        *(engines, layers or BLANK, golden, version.validation_attempts),
    )


def _refused_by(found: Mapping[str, Any]) -> SafeString:
    """Why the engine is not used."""
    code = found.get("reason_code") or "no"
    return format_html("{} {}", pill(code, "bad"), found.get("detail", ""))


def _difference(value: object) -> str:
    return f"{value:.2g}" if isinstance(value, int | float) else BLANK


def _quality(days: Sequence[VersionQuality]) -> SafeString:
    if not days:
        return nothing_yet(plots.NO_LOG)
    calls, failed = sum(day.calls for day in days), sum(day.failed_calls for day in days)
    rows, truths = sum(day.rows for day in days), sum(day.truths for day in days)
    newest = next((day for day in reversed(days) if day.auc is not None), days[-1])
    lines = (
        ("Days", f"{len(days)}, the newest {days[-1].day}"),
        ("Logged calls", f"{calls:,}, {percent(failed / calls) if calls else BLANK} failed"),
        ("Rows", f"{rows:,}, of which {truths:,} with truth"),
        (f"AUC on {newest.day:%d %b}", figure(newest.auc)),
        ("Log loss", figure(newest.log_loss)),
        ("Brier score", figure(newest.brier)),
        ("Calibration error", figure(newest.calibration_error)),
        ("Latency", _quantiles(days[-1].latency_us)),
    )
    items = format_html_join("", "<dt>{}</dt><dd>{}</dd>", lines)
    return format_html('<dl class="facts">{}</dl>', items)


def _quantiles(latency: Mapping[str, Any]) -> str:
    known = (f"{name} {latency[name]:,.0f}" for name in ("p50", "p95", "p99") if latency.get(name))
    return ", ".join(known) + " µs" if latency else BLANK


def _drift_table(readings: Sequence[DriftReading]) -> SafeString:
    """The newest day alone, what has drifted first."""
    if not readings:
        return nothing_yet(plots.NO_DRIFT)
    newest = max(reading.day for reading in readings)
    rows = sorted(
        (reading for reading in readings if reading.day == newest),
        key=lambda reading: (-reading.psi / reading.threshold, reading.feature),
    )
    return facts(
        ("Feature", "PSI", "Threshold", "Verdict", "Rows"),
        (
            (
                reading.feature or "the score",
                figure(reading.psi),
                figure(reading.threshold),
                pill("drifted", "bad") if reading.drifted else pill("steady", "good"),
                f"{reading.rows:,}",
            )
            for reading in rows
        ),
    )
