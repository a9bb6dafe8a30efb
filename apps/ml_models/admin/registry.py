"""Models, versions and aliases: read here, and changed by actions that say why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils import timezone

from apps.ml_models.admin.display import metrics_table, signature_table, version_state
from apps.ml_models.models import (
    CHAMPION,
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    RoutingGeneration,
    ServedVersion,
)
from apps.ml_models.services import aliasing
from core.admin import AuditedModelAdmin, actor_of, pill, pretty_json, reasoned_action
from core.admin.display import BLANK, size

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


class AliasInline(admin.TabularInline):  # type: ignore[type-arg] # Django's class takes none
    model = ModelAlias
    fields = ("alias", "version", "generation", "updated_at")
    readonly_fields = fields
    extra = max_num = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelAlias]:
        return super().get_queryset(request).select_related("version__model")


class ServedInline(admin.TabularInline):  # type: ignore[type-arg] # Django's class takes none
    model = ServedVersion
    verbose_name_plural = "served by"
    fields = ("process", "state", "engine", "detail", "bytes", "warm_up_ms", "since")
    readonly_fields = fields
    extra = max_num = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServedVersion]:
        return super().get_queryset(request).select_related("process")


@admin.register(RegisteredModel)
class RegisteredModelAdmin(AuditedModelAdmin[RegisteredModel]):
    audit_object_type = "model"
    list_display = ("name", "default", "champion", "description", "created_at")
    list_filter = ("is_default",)
    search_fields = ("name__icontains", "description__icontains", "id__exact")
    search_help_text = "Part of the name or the description, or an id."
    ordering = ("name",)
    inlines = (AliasInline,)
    actions = ("set_default",)
    fields = (
        "id",
        "name",
        "description",
        "default",
        "created_by",
        "application_id",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegisteredModel]:
        return super().get_queryset(request).prefetch_related("aliases__version__model")

    @admin.display(description="Default", ordering="is_default")
    def default(self, model: RegisteredModel) -> SafeString | str:
        return pill("default", "good") if model.is_default else BLANK

    @admin.display(description="Champion")
    def champion(self, model: RegisteredModel) -> str:
        found = (alias for alias in model.aliases.all() if alias.alias == CHAMPION)
        return next((f"version {alias.version.number}" for alias in found), BLANK)

    @reasoned_action(
        description="Make the selected model the default",
        explanation="Calls of /predict that name no model are answered by it within two seconds.",
    )
    def set_default(self, request: HttpRequest, row: RegisteredModel, reason: str) -> None:
        aliasing.set_default(model_name=row.name, actor=actor_of(request), reason=reason)


@admin.register(ModelVersion)
class ModelVersionAdmin(AuditedModelAdmin[ModelVersion]):
    audit_object_type = "model_version"
    list_display = ("__str__", "status", "pointed_at_by", "engine", "size_shown", "created_at")
    list_filter = ("state", "engine", "model")
    list_select_related = ("model",)
    search_fields = (
        "model__name__icontains",
        "artefact_digest__startswith",
        "upload_digest__startswith",
        "id__exact",
    )
    search_help_text = "Part of the model's name, how a digest begins, or an id."
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    inlines = (ServedInline,)
    actions = ("promote", "retire")
    fieldsets = (
        (None, {"fields": ("id", "model", "number", "status", "pointed_at_by", "engine")}),
        ("Rejected", {"fields": ("reason_code", "reason_pointer", "reason_detail")}),
        ("Signature", {"fields": ("signature_shown",)}),
        ("Metrics", {"fields": ("metrics_shown", "training_shown")}),
        (
            "Artefact",
            {"fields": ("artefact_digest", "upload_digest", "size_shown", "report_shown")},
        ),
        (
            "Times",
            {"fields": ("created_by", "created_at", "validated_at", "retired_at", "updated_at")},
        ),
    )
    readonly_fields = (
        "id",
        "model",
        "status",
        "pointed_at_by",
        "signature_shown",
        "metrics_shown",
        "training_shown",
        "report_shown",
        "size_shown",
        "created_at",
        "updated_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        return super().get_queryset(request).prefetch_related("aliases")

    @admin.display(description="State", ordering="state")
    def status(self, version: ModelVersion) -> SafeString:
        return version_state(version)

    @admin.display(description="Aliases")
    def pointed_at_by(self, version: ModelVersion) -> str:
        return ", ".join(sorted(alias.alias for alias in version.aliases.all())) or BLANK

    @admin.display(description="Size", ordering="size_bytes")
    def size_shown(self, version: ModelVersion) -> str:
        return size(version.size_bytes) if version.size_bytes else BLANK

    @admin.display(description="Features and outputs")
    def signature_shown(self, version: ModelVersion) -> SafeString | str:
        return signature_table(version.signature)

    @admin.display(description="Figures")
    def metrics_shown(self, version: ModelVersion) -> SafeString | str:
        return metrics_table(version.metrics)

    @admin.display(description="Training")
    def training_shown(self, version: ModelVersion) -> SafeString | str:
        return pretty_json(version.metrics.get("training"))

    @admin.display(description="Validation")
    def report_shown(self, version: ModelVersion) -> SafeString | str:
        return pretty_json(version.validation_report or None)

    @reasoned_action(
        description="Promote to champion",
        explanation="Callers of the model are answered by this version within two seconds; no "
        "call is refused meanwhile. Promoting an older version is how to roll back.",
    )
    def promote(self, request: HttpRequest, row: ModelVersion, reason: str) -> None:
        aliasing.set_alias(
            model_name=row.model.name,
            alias=CHAMPION,
            number=row.number,
            actor=actor_of(request),
            reason=reason,
        )

    @reasoned_action(
        description="Retire",
        explanation="The version answers 410 from then on, for good. Batch predictions that were "
        "submitted for it still finish.",
    )
    def retire(self, request: HttpRequest, row: ModelVersion, reason: str) -> None:
        aliasing.retire_version(
            model_name=row.model.name,
            number=row.number,
            actor=actor_of(request),
            now=timezone.now(),
            reason=reason,
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
