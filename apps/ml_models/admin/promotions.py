"""Policies, and promotions with what the gate said and who decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from apps.ml_models.admin.display import percent, promotion_state
from apps.ml_models.admin.tables import gate_pill, gate_table
from apps.ml_models.models import ModelPolicy, Promotion
from apps.ml_models.services import promoting
from core.admin import AuditedModelAdmin, Panel, actor_of, reasoned_action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.safestring import SafeString


def is_open(promotion: Promotion) -> bool:
    return promotion.state == Promotion.State.PROPOSED


@admin.register(ModelPolicy)
class ModelPolicyAdmin(AuditedModelAdmin[ModelPolicy]):
    list_display = ("model", "four_eyes", "gate_metric", "decision_threshold", "logged", "log_days")
    list_filter = ("four_eyes",)
    list_select_related = ("model",)
    search_fields = ("model__name__icontains",)
    search_help_text = "Part of the model's name."
    ordering = ("model__name",)
    fieldsets = (
        (None, {"fields": ("model", "four_eyes")}),
        (
            "Gate",
            {
                "fields": (
                    "gate_metric",
                    "gate_lower_is_better",
                    "gate_tolerance",
                    "gate_latency_us",
                    "gate_max_flips",
                )
            },
        ),
        ("Decision", {"fields": ("decision_threshold", "score_output", "score_index")}),
        ("Prediction log", {"fields": ("log_share", "log_days")}),
    )

    @admin.display(description="Logged", ordering="log_share")
    def logged(self, policy: ModelPolicy) -> str:
        return percent(policy.log_share)


@admin.register(Promotion)
class PromotionAdmin(AuditedModelAdmin[Promotion]):
    list_display = (
        "created_at",
        "model",
        "alias",
        "version",
        "status",
        "gate_shown",
        "proposed_by",
        "decided_by",
    )
    list_filter = ("state", "gate_passed", "alias", "model")
    list_select_related = ("model", "version__model", "proposed_by", "decided_by")
    search_fields = ("model__name__icontains", "alias__exact", "reason__icontains", "id__exact")
    search_help_text = "Part of the model's name or of the reason, an alias, or an id."
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": ("id", "model", "alias", "version", "status")}),
        ("Proposed", {"fields": ("proposed_by", "reason", "override_reason", "created_at")}),
        ("Decided", {"fields": ("four_eyes", "decided_by", "decision_reason", "decided_at")}),
    )
    readonly_fields = ("id", "status", "gate_shown", "created_at")
    object_actions = ("approve", "reject", "withdraw")

    def panels(self, request: HttpRequest, row: Promotion) -> Sequence[Panel]:
        return [Panel("What the gate said", gate_table(row.gate.get("checks", ())), is_wide=True)]

    @admin.display(description="State", ordering="state")
    def status(self, promotion: Promotion) -> SafeString:
        return promotion_state(promotion)

    @admin.display(description="Gate", ordering="gate_passed")
    def gate_shown(self, promotion: Promotion) -> SafeString:
        return gate_pill(promotion)

    @reasoned_action(
        description="Approve",
        explanation="The gate is asked again, then the alias moves; callers follow when every web "
        "process has the version warm. Whoever proposed it cannot approve it.",
        label="Approve…",
        applies=is_open,
    )
    def approve(self, request: HttpRequest, row: Promotion, reason: str) -> None:
        promoting.approve(
            model_name=row.model.name,
            promotion_id=row.pk,
            actor=actor_of(request),
            reason=reason,
        )

    @reasoned_action(
        description="Reject",
        explanation="The alias stays where it is. Whoever proposed it withdraws it instead.",
        label="Reject…",
        is_grave=True,
        applies=is_open,
    )
    def reject(self, request: HttpRequest, row: Promotion, reason: str) -> None:
        promoting.reject(
            model_name=row.model.name,
            promotion_id=row.pk,
            actor=actor_of(request),
            reason=reason,
        )

    @reasoned_action(
        description="Withdraw",
        explanation="The proposal is taken back; the alias stays where it is.",
        label="Withdraw…",
        applies=is_open,
    )
    def withdraw(self, request: HttpRequest, row: Promotion, reason: str) -> None:
        promoting.withdraw(
            model_name=row.model.name,
            promotion_id=row.pk,
            actor=actor_of(request),
            reason=reason,
        )
