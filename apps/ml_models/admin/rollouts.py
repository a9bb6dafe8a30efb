"""Rollouts: how each move of an alias went in the web processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from apps.ml_models.admin.display import lasted, rollout_state
from apps.ml_models.models import Rollout
from core.admin import AuditedModelAdmin
from core.admin.display import BLANK

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


@admin.register(Rollout)
class RolloutAdmin(AuditedModelAdmin[Rollout]):
    list_display = (
        "created_at",
        "model",
        "alias",
        "move",
        "status",
        "processes",
        "duration",
        "actor",
        "reason",
    )
    list_filter = ("state", "kind", "alias", "model")
    list_select_related = ("model", "version", "previous", "actor")
    search_fields = (
        "model__name__icontains",
        "alias__exact",
        "reason__icontains",
        "reason_code__exact",
        "id__exact",
    )
    search_help_text = "Part of the model's name or of the reason, an alias, a reason code, an id."
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": ("id", "model", "alias", "kind", "move", "status", "processes")}),
        ("Why it failed", {"fields": ("reason_code", "detail")}),
        ("Asked for", {"fields": ("actor", "reason")}),
        ("Routing", {"fields": ("generation", "live_generation", "warm_until")}),
        ("Times", {"fields": ("created_at", "ended_at", "duration")}),
    )
    readonly_fields = ("move", "status", "processes", "duration", "id", "created_at")

    @admin.display(description="Versions")
    def move(self, rollout: Rollout) -> str:
        before = BLANK if rollout.previous is None else str(rollout.previous.number)
        return f"{before} → {rollout.version.number}"

    @admin.display(description="State", ordering="state")
    def status(self, rollout: Rollout) -> SafeString:
        return rollout_state(rollout)

    @admin.display(description="Processes warm")
    def processes(self, rollout: Rollout) -> str:
        return f"{rollout.warm} of {rollout.required}"

    @admin.display(description="Took")
    def duration(self, rollout: Rollout) -> str:
        return lasted(rollout.created_at, rollout.ended_at)
