"""Models and aliases: read here, and changed by actions that say why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils import timezone

from apps.ml_models.admin.forms import OverrideForm
from apps.ml_models.admin.model_actions import ModelActions
from apps.ml_models.admin.model_panels import model_panels
from apps.ml_models.models import (
    CHAMPION,
    ModelAlias,
    RegisteredModel,
    RoutingGeneration,
)
from apps.ml_models.selectors.model_page import model_page
from apps.ml_models.services import aliasing
from core.admin import AuditedModelAdmin, actor_of, pill, reasoned_action
from core.admin.display import BLANK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from core.admin import Panel


@admin.register(RegisteredModel)
class RegisteredModelAdmin(ModelActions, AuditedModelAdmin[RegisteredModel]):
    audit_object_type = "model"
    list_display = ("name", "default", "champion", "description", "created_at")
    list_filter = ("is_default",)
    search_fields = ("name__icontains", "description__icontains", "id__exact")
    search_help_text = "Part of the name or the description, or an id."
    ordering = ("name",)
    actions = ("set_default",)
    object_actions = (*ModelActions.object_actions, "set_default")
    registered = (
        "id",
        "name",
        "description",
        "created_by",
        "application_id",
        "created_at",
        "updated_at",
    )
    fieldsets = (("Registration", {"fields": registered}),)
    readonly_fields = registered

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegisteredModel]:
        return super().get_queryset(request).prefetch_related("aliases__version__model")

    def panels(self, request: HttpRequest, row: RegisteredModel) -> Sequence[Panel]:
        page = model_page(row, today=timezone.now().date())
        return model_panels(
            row,
            page,
            may_act=self.has_operate_permission(request),
            may_decide=request.user.has_perm("ml_models.change_promotion"),
        )

    @admin.display(description="Default", ordering="is_default")
    def default(self, model: RegisteredModel) -> SafeString | str:
        return pill("default", "good") if model.is_default else BLANK

    @admin.display(description="Champion")
    def champion(self, model: RegisteredModel) -> str:
        found = (alias for alias in model.aliases.all() if alias.alias == CHAMPION)
        return next((f"version {alias.version.number}" for alias in found), BLANK)

    @reasoned_action(
        description="Make the selected model the default",
        explanation="Calls of /predict that name no model are answered by it within two seconds. "
        "Its champion must take and answer the same as the present one's; else say why that does "
        "not matter.",
        form_class=OverrideForm,
        label="Make default…",
        applies=lambda model: not model.is_default,
    )
    def set_default(
        self, request: HttpRequest, row: RegisteredModel, reason: str, override_reason: str
    ) -> None:
        aliasing.set_default(
            model_name=row.name,
            actor=actor_of(request),
            reason=reason,
            override_reason=override_reason,
        )


@admin.register(ModelAlias)
class ModelAliasAdmin(AuditedModelAdmin[ModelAlias]):
    list_display = ("__str__", "version", "generation", "updated_at")
    list_filter = ("alias", "model")
    list_select_related = ("model", "version__model")
    search_fields = ("model__name__icontains", "alias__icontains", "id__exact")
    search_help_text = "Part of the model's or the alias's name, or an id."
    ordering = ("model__name", "alias")
    fields = ("id", "model", "alias", "version", "generation", "created_at", "updated_at")
    readonly_fields = fields
    actions = ("delete_alias",)

    @reasoned_action(
        description="Delete selected aliases",
        explanation="Calls by these aliases answer 404 from then on.",
    )
    def delete_alias(self, request: HttpRequest, row: ModelAlias, reason: str) -> None:
        aliasing.delete_alias(
            model_name=row.model.name, alias=row.alias, actor=actor_of(request), reason=reason
        )


@admin.register(RoutingGeneration)
class RoutingGenerationAdmin(AuditedModelAdmin[RoutingGeneration]):
    list_display = ("generation",)
    search_fields = ("generation__exact",)
    fields = ("generation",)
    readonly_fields = fields
