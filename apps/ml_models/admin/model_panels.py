"""The page of a model: who answers, who is about to, how good they are, what has been done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.html import format_html, format_html_join

from apps.ml_models.admin import plots
from apps.ml_models.admin.display import percent, rollout_state, version_state
from apps.ml_models.admin.tables import (
    pills,
    promotions_table,
    replays_table,
    rollouts_table,
)
from apps.ml_models.models import BASIS_POINTS, CHAMPION, Rollout, TrafficSplit
from core.admin import Panel, pill
from core.admin.charts import Part, nothing_yet, rounded, share_bar
from core.admin.display import BLANK, facts, moment, size, together
from core.admin.objects import act_url, link

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.utils.safestring import SafeString

    from apps.ml_models.models import ModelVersion, RegisteredModel
    from apps.ml_models.selectors.model_page import ModelPage

METRICS_SHOWN = 3  # of a version, in the table of versions


def model_panels(
    model: RegisteredModel, page: ModelPage, *, may_act: bool, may_decide: bool
) -> list[Panel]:
    """`may_act` on the model, `may_decide` about promotions: whether buttons for it are there."""
    champion = [] if page.champion is None else page.quality.get(page.champion.number, [])
    name = "the champion" if page.champion is None else f"version {page.champion.number}"
    return [
        Panel("Who answers", _who_answers(model, page), is_wide=True),
        Panel("Versions", _versions(model, page, may_act=may_act), is_wide=True),
        Panel(f"Reliability of {name}", plots.reliability_plot(champion)),
        Panel("AUC by day", plots.auc_plot(page.quality)),
        Panel(f"Drift of {name}, PSI", plots.drift_plot(page.drift)),
        Panel("Latency by batch size", plots.latency_plot(_latencies(page))),
        Panel(f"Scores of {name}", plots.score_plot(champion)),
        Panel("Policy", _policy(page)),
        Panel("Rollouts", rollouts_table(page.rollouts), is_wide=True),
        Panel("Promotions", promotions_table(page.promotions, may_decide=may_decide), is_wide=True),
        Panel("Replays", replays_table(page.replays), is_wide=True),
    ]


def _who_answers(model: RegisteredModel, page: ModelPage) -> SafeString:
    """Aliases and splits as one table, and the champion's traffic as a bar."""
    loading = {r.alias: r for r in page.rollouts if r.state == Rollout.State.LOADING}
    rows = [
        (
            pill(alias.alias, "good" if alias.alias == CHAMPION else ""),
            link(alias.version, together(f"version {alias.version.number}")),
            _how(alias.alias, loading.get(alias.alias), page.splits),
            moment(alias.updated_at),
        )
        for alias in page.aliases
    ]
    rows += [
        (
            pill(f"{split.kind} of {split.alias}", "busy"),
            link(split.version, together(f"version {split.version.number}")),
            link(split, f"{split.share / 100:g} % of {_of(split)}"),
            moment(split.created_at),
        )
        for split in page.splits
    ]
    if not rows:
        return nothing_yet("Promote a ready version to champion.", "Nothing answers yet.")
    default: SafeString | str = ""
    if model.is_default:
        said = "Calls of /predict that name no model come here."
        default = format_html("<p>{} {}</p>", pill("default", "good"), said)
    table = facts(("Name", "Version", "How", "Since"), rows)
    return format_html("{}{}{}", default, table, _traffic(page))


def _of(split: TrafficSplit) -> str:
    return "callers" if split.kind == TrafficSplit.Kind.CANARY else "calls, run beside"


def _how(alias: str, rollout: Rollout | None, splits: Sequence[TrafficSplit]) -> object:
    """Whom it answers now."""
    if rollout is None:
        canary = TrafficSplit.Kind.CANARY
        taken = sum(split.share for split in splits if (split.alias, split.kind) == (alias, canary))
        rest = (BASIS_POINTS - taken) / 100
        return f"{rest:g} % of callers" if taken else "all callers"
    before = "nobody" if rollout.previous is None else f"version {rollout.previous.number}"
    return format_html(
        "{} {} of {} processes warm; {} answers until then",
        rollout_state(rollout),
        rollout.warm,
        rollout.required,
        before,
    )


def _traffic(page: ModelPage) -> SafeString | str:
    """Callers of the champion: who gets it, who its canary."""
    if page.champion is None:
        return ""
    of_champion = [split for split in page.splits if split.alias == CHAMPION]
    canary = next((s for s in of_champion if s.kind == TrafficSplit.Kind.CANARY), None)
    share = 0 if canary is None else canary.share
    rest = (BASIS_POINTS - share) / 100
    parts = [
        Part(
            "champion",
            float(BASIS_POINTS - share),
            0,
            f"version {page.champion.number} (champion): {rest:g} % of callers",
        )
    ]
    if canary is not None:
        number = canary.version.number
        note = f"version {number} (canary): {share / 100:g} % of callers"
        parts.append(Part("canary", float(share), 1, note))
    return share_bar(title="Traffic of the champion", parts=parts)


def _versions(model: RegisteredModel, page: ModelPage, *, may_act: bool) -> SafeString:
    if not page.versions:
        return nothing_yet("POST /api/v1/models/{name}/versions uploads the first.", "No version.")
    names = _metric_names(page)
    header = (
        *("Version", "State", "Aliases", "Engine"),
        *(name.replace("_", " ") for name in names),
        *("One row", "Size", "Validated", ""),
    )
    rows = (
        (
            link(version, together(f"version {version.number}")),
            _state(version),
            pills(sorted(alias.alias for alias in version.aliases.all())),
            version.engine or BLANK,
            *(_metric(version, name) for name in names),
            _one_row(version),
            together(size(version.size_bytes or version.upload_bytes)),
            moment(version.validated_at),
            _promote(model, version, page) if may_act else "",
        )
        for version in page.versions
    )
    table = facts(header, rows)
    if page.versions_count <= len(page.versions):
        return table
    rest = page.versions_count - len(page.versions)
    return format_html('{}<p class="quiet">and {} older ones</p>', table, f"{rest:,}")


def _metric_names(page: ModelPage) -> list[str]:
    """What the gate compares, then what most versions have."""
    counted: dict[str, int] = {}
    for version in page.versions:
        for name, value in version.metrics.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                counted[name] = counted.get(name, 0) + 1
    wanted = page.policy.gate_metric
    common = sorted(counted, key=lambda name: (name != wanted, -counted[name], name))
    return common[:METRICS_SHOWN]


def _metric(version: ModelVersion, name: str) -> str:
    value = version.metrics.get(name)
    return f"{value:.4g}" if isinstance(value, int | float) else BLANK


def _state(version: ModelVersion) -> SafeString:
    """With the code of a rejection beside it."""
    if not version.reason_code:
        return version_state(version)
    return format_html("{} <code>{}</code>", version_state(version), version.reason_code)


def _one_row(version: ModelVersion) -> str:
    latency = plots.measured_of(version, "latency_us").get("1")
    return BLANK if latency is None else together(f"{latency:,.0f} µs")


def _promote(model: RegisteredModel, version: ModelVersion, page: ModelPage) -> SafeString | str:
    known = None if page.champion is None else page.champion.pk
    if version.state != version.State.READY or version.pk == known:
        return ""
    url = act_url(model, "promote", version=version.number, alias=CHAMPION)
    return format_html('<a class="act" href="{}">Promote…</a>', url)


def _latencies(page: ModelPage) -> dict[str, dict[str, float]]:
    """Champion and candidate, or the newest version while there is neither."""
    named = [("champion", page.champion), ("candidate", page.candidate)]
    found = {
        f"version {version.number}, {role}": plots.measured_of(version, "latency_us")
        for role, version in named
        if version is not None
    }
    return {name: values for name, values in found.items() if values}


def _policy(page: ModelPage) -> SafeString:
    items = format_html_join("", "<dt>{}</dt><dd>{}</dd>", _policy_lines(page))
    kept = "" if page.policy.pk and not page.policy._state.adding else "These are the defaults."  # noqa: SLF001 - Django's documented Model._state
    return format_html('<dl class="facts">{}</dl><p class="quiet">{}</p>', items, kept)


def _policy_lines(page: ModelPage) -> Iterator[tuple[str, str]]:
    policy = page.policy
    yield "Second person", "must approve a gated alias" if policy.four_eyes else "not needed"
    if policy.four_eyes_off_by is not None:
        yield "To end that", f"{policy.four_eyes_off_by} has asked; a second person must too"
    better = "lower" if policy.gate_lower_is_better else "higher"
    metric = f"{policy.gate_metric}, {better} is better, tolerance {policy.gate_tolerance:g}"
    yield "Metric of the gate", metric if policy.gate_metric else "none"
    budget = policy.gate_latency_us
    yield "Latency of one row", "any" if budget is None else f"at most {budget:,} µs"
    flips = policy.gate_max_flips
    yield "Flips in the newest replay", "any" if flips is None else f"at most {percent(flips)}"
    yield "Decision threshold", rounded(policy.decision_threshold)
    yield "Score", _score_of(page)
    yield "Logged", f"{percent(policy.log_share)} of calls, for {policy.log_days} days"


def _score_of(page: ModelPage) -> str:
    output, index = page.policy.score_output or "first output", page.policy.score_index
    return output if index is None else f"{output}, position {index}"
