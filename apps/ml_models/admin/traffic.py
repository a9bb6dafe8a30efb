"""Canaries and shadows: what share, what their guard saw, how the arms compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from apps.ml_models.admin.display import split_state
from apps.ml_models.admin.traffic_panels import split_panels
from apps.ml_models.models import TrafficSplit
from apps.ml_models.selectors.traffic import comparison, newest_split
from apps.ml_models.services import traffic
from core.admin import AuditedModelAdmin, Panel, actor_of, reasoned_action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from apps.ml_models.selectors.traffic import Comparison


def is_active(split: TrafficSplit) -> bool:
    return split.state == TrafficSplit.State.ACTIVE


def _compared(split: TrafficSplit) -> Comparison | None:
    """What an alias's newest split has shown; of an older one the log has nothing of its own."""
    newest = newest_split(split.model, split.alias, split.kind)
    if newest is None or newest.pk != split.pk or not split.model.aliases.filter(alias=split.alias):
        return None
    return comparison(model_name=split.model.name, alias=split.alias)


@admin.register(TrafficSplit)
class TrafficSplitAdmin(AuditedModelAdmin[TrafficSplit]):
    list_display = (
        "created_at",
        "model",
        "alias",
        "kind",
        "version",
        "share_shown",
        "status",
        "started_by",
        "ended_at",
    )
    list_filter = ("state", "kind", "alias", "model")
    list_select_related = ("model", "version__model", "started_by")
    search_fields = ("model__name__icontains", "alias__exact", "reason__icontains", "id__exact")
    search_help_text = "Part of the model's name or of the reason, an alias, or an id."
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": ("id", "model", "alias", "kind", "version", "base", "share_shown")}),
        ("Asked for", {"fields": ("started_by", "reason", "created_at", "updated_at")}),
    )
    readonly_fields = ("id", "share_shown", "created_at", "updated_at")
    object_actions = ("end",)

    def panels(self, request: HttpRequest, row: TrafficSplit) -> Sequence[Panel]:
        return split_panels(row, _compared(row))

    @admin.display(description="Share", ordering="share")
    def share_shown(self, split: TrafficSplit) -> str:
        return f"{split.share / 100:g} %"

    @admin.display(description="State", ordering="state")
    def status(self, split: TrafficSplit) -> SafeString:
        return split_state(split)

    @reasoned_action(
        description="End",
        explanation="The alias's own version answers all of its callers again within two seconds.",
        label="End…",
        is_grave=True,
        applies=is_active,
    )
    def end(self, request: HttpRequest, row: TrafficSplit, reason: str) -> None:
        traffic.end_split(
            model_name=row.model.name,
            alias=row.alias,
            kind=row.kind,
            actor=actor_of(request),
            reason=reason,
        )
