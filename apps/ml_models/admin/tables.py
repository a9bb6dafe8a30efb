"""Tables that more than one page has: moves of aliases, replays, the gate, who serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils.html import format_html, format_html_join

from apps.ml_models.admin.display import (
    figure,
    lasted,
    percent,
    promotion_state,
    replay_state,
    rollout_state,
    served_state,
)
from core.admin import pill
from core.admin.charts import nothing_yet, rounded
from core.admin.display import BLANK, facts, moment, size, together
from core.admin.objects import act_link, link

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.utils.safestring import SafeString

    from apps.ml_models.models import Promotion, Replay, Rollout, ServedVersion

CHECKS: Final = {
    "runnable": "Web processes can run it",
    "golden": "Golden inputs answered alike",
    "signature": "Takes what the present version takes",
    "memory": "Fits in memory beside the present version",
    "latency": "Latency of one row",
    "metric": "Metric against the present version's",
    "replay": "Decisions that would change",
}
"""Checks of services.gating in words; others are shown by their code."""


def rollouts_table(rollouts: Iterable[Rollout]) -> SafeString:
    rows = [
        (
            link(rollout, moment(rollout.created_at)),
            format_html("{} {}", rollout.alias, _move(rollout)),
            rollout_state(rollout),
            f"{rollout.warm} of {rollout.required}",
            lasted(rollout.created_at, rollout.ended_at),
            rollout.actor or "the platform",
            rollout.detail or rollout.reason or BLANK,
        )
        for rollout in rollouts
    ]
    if not rows:
        return nothing_yet("Promote a version to start the first.", "No rollout yet.")
    return facts(("When", "Move", "State", "Processes warm", "Took", "By", "Why"), rows)


def _move(rollout: Rollout) -> str:
    before = BLANK if rollout.previous is None else str(rollout.previous.number)
    back = ", back" if rollout.kind == "rollback" else ""
    return together(f"{before} → {rollout.version.number}{back}")


def promotions_table(promotions: Iterable[Promotion], *, may_decide: bool) -> SafeString:
    """With buttons beside the open ones for whoever may use them."""
    rows = [
        (
            link(promotion, moment(promotion.created_at)),
            together(f"{promotion.alias} → {promotion.version.number}"),
            promotion_state(promotion),
            gate_pill(promotion),
            promotion.proposed_by or "the platform",
            promotion.reason or BLANK,
            _decision(promotion, may_decide=may_decide),
        )
        for promotion in promotions
    ]
    if not rows:
        return nothing_yet("Each wish to move a gated alias is kept here.", "No promotion yet.")
    return facts(("When", "Move", "State", "Gate", "Proposed by", "Why", "Decision"), rows)


def gate_pill(promotion: Promotion) -> SafeString:
    if promotion.gate_passed:
        return pill("passed", "good")
    return pill("overridden", "busy") if promotion.override_reason else pill("failed", "bad")


def _decision(promotion: Promotion, *, may_decide: bool) -> object:
    if promotion.state != promotion.State.PROPOSED:
        by = promotion.decided_by or "the platform"
        return f"{by}, {moment(promotion.decided_at)}"
    if not may_decide:
        return "waits"
    return format_html(
        "{} {}",
        act_link(promotion, "approve", "Approve…"),
        act_link(promotion, "reject", "Reject…", is_grave=True),
    )


def replays_table(replays: Iterable[Replay]) -> SafeString:
    rows = [
        (
            link(replay, moment(replay.created_at)),
            together(f"{replay.candidate.number} against {replay.baseline.number}"),
            replay_state(replay),
            together(f"{replay.calls:,} of {replay.requested:,}"),
            percent(replay.flips / replay.rows) if replay.rows else BLANK,
            figure(replay.mean_difference),
            figure(replay.largest_difference),
            replay.created_by or "the platform",
        )
        for replay in replays
    ]
    if not rows:
        return nothing_yet(
            "Start one to see which decisions a promotion would change.", "No replay yet."
        )
    return facts(
        (
            *("When", "Versions", "State", "Calls", "Decisions flipped"),
            *("Mean difference", "Largest", "By"),
        ),
        rows,
    )


def gate_table(checks: Sequence[Mapping[str, Any]]) -> SafeString:
    """Each check of a gate report, as services.gating and promotions keep it."""
    if not checks:
        return nothing_yet("The gate asks nothing of this alias.", "No checks.")
    rows = (
        (
            pill("passed", "good") if check["passed"] else pill("failed", "bad"),
            CHECKS.get(check["code"], check["code"]),
            _number(check["code"], check["wanted"]),
            _number(check["code"], check["found"]),
            check["detail"],
        )
        for check in checks
    )
    return facts(("", "Check", "Wanted", "Found", ""), rows)


def _number(code: str, value: object) -> str:
    if not isinstance(value, int | float):
        return BLANK if value is None else str(value)
    if code == "memory":
        return together(size(int(value)))
    return rounded(float(f"{value:.4g}"))


def served_table(served: Iterable[ServedVersion]) -> SafeString:
    """Processes that have the version, or had to give up."""
    rows = [
        (
            link(row.process, str(row.process)),
            served_state(row),
            row.engine or BLANK,
            size(row.measured_bytes or row.bytes),
            "measured" if row.measured_bytes else "estimated",
            f"{row.warm_up_ms:,.0f} ms",
            moment(row.since),
            row.detail or BLANK,
        )
        for row in served
    ]
    if not rows:
        return nothing_yet("Point an alias at the version to have it loaded.", "No process has it.")
    header = ("Process", "State", "Engine", "Memory", "", "Warm-up", "Since", "Detail")
    return facts(header, rows)


def pills(names: Iterable[str]) -> SafeString | str:
    return format_html_join(" ", "{}", ((pill(name, "good"),) for name in names)) or BLANK
