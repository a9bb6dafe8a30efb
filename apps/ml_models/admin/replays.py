"""Replays: which decisions of logged requests another version would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from apps.ml_models.admin.display import percent, replay_state
from apps.ml_models.admin.replay_panels import replay_panels
from apps.ml_models.models import Replay
from apps.ml_models.selectors.replays import most_different_of
from core.admin import AuditedModelAdmin
from core.admin.display import BLANK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from core.admin import Panel


@admin.register(Replay)
class ReplayAdmin(AuditedModelAdmin[Replay]):
    list_display = (
        "created_at",
        "model",
        "candidate_shown",
        "baseline_shown",
        "status",
        "calls",
        "flipped",
        "created_by",
    )
    list_filter = ("state", "model")
    list_select_related = ("model", "candidate", "baseline", "created_by")
    search_fields = ("model__name__icontains", "id__exact")
    search_help_text = "Part of the model's name, or an id."
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": ("id", "model", "candidate_shown", "baseline_shown", "status")}),
        ("Work", {"fields": ("requested", "attempts", "lease_until", "reason_code", "detail")}),
        ("Asked for", {"fields": ("created_by", "created_at", "finished_at")}),
    )
    readonly_fields = ("id", "candidate_shown", "baseline_shown", "status", "created_at")

    def panels(self, request: HttpRequest, row: Replay) -> Sequence[Panel]:
        """Features are read from the log, for those who may see logged predictions."""
        may_see = request.user.has_perm("ml_models.view_loggedprediction")
        return replay_panels(row, most_different_of(row, may_see_rows=may_see), may_see=may_see)

    @admin.display(description="Candidate")
    def candidate_shown(self, replay: Replay) -> str:
        return f"version {replay.candidate.number}"

    @admin.display(description="Baseline")
    def baseline_shown(self, replay: Replay) -> str:
        return f"version {replay.baseline.number}"

    @admin.display(description="State", ordering="state")
    def status(self, replay: Replay) -> SafeString:
        return replay_state(replay)

    @admin.display(description="Flipped")
    def flipped(self, replay: Replay) -> str:
        return percent(replay.flips / replay.rows) if replay.rows else BLANK
