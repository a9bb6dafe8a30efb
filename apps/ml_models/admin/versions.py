"""Versions: what they are, how they fare, and the actions on one or several of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils import timezone

from apps.ml_models.admin.display import version_state
from apps.ml_models.admin.forms import PromoteVersionForm, ReplayForm
from apps.ml_models.admin.model_actions import move_alias
from apps.ml_models.admin.previews import gate_preview
from apps.ml_models.admin.version_panels import version_panels
from apps.ml_models.models import CHAMPION, ModelVersion
from apps.ml_models.selectors.version_page import version_page
from apps.ml_models.services import gating, replaying, retiring
from core.admin import AuditedModelAdmin, actor_of, reasoned_action
from core.admin.display import BLANK, size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from core.admin import Panel


def is_ready(version: ModelVersion) -> bool:
    return version.state == ModelVersion.State.READY


def _gate_of(version: ModelVersion, _said: Mapping[str, Any]) -> str:
    return gate_preview(version.model, CHAMPION, version.number)


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
        "reason_code__exact",
        "id__exact",
    )
    search_help_text = "Part of the model's name, how a digest begins, a reason code, or an id."
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    actions = ("promote", "retire")
    object_actions = ("promote", "start_replay", "retire")
    registered = (
        "id",
        "model",
        "number",
        "status",
        "engine",
        "size_shown",
        "artefact_digest",
        "upload_digest",
        "created_by",
        "application_id",
        "created_at",
        "validated_at",
        "retired_at",
        "updated_at",
    )
    fieldsets = (("Registration", {"fields": registered}),)
    readonly_fields = registered

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        return super().get_queryset(request).select_related("model").prefetch_related("aliases")

    def panels(self, request: HttpRequest, row: ModelVersion) -> Sequence[Panel]:
        page = version_page(row, today=timezone.now().date())
        checks: Sequence[Mapping[str, Any]] = ()
        if is_ready(row):
            report = gating.report_of(model_name=row.model.name, number=row.number, alias=CHAMPION)
            checks = report.to_document()["checks"]
        return version_panels(row, page, checks)

    @admin.display(description="State", ordering="state")
    def status(self, version: ModelVersion) -> SafeString:
        return version_state(version)

    @admin.display(description="Aliases")
    def pointed_at_by(self, version: ModelVersion) -> str:
        return ", ".join(sorted(alias.alias for alias in version.aliases.all())) or BLANK

    @admin.display(description="Size", ordering="size_bytes")
    def size_shown(self, version: ModelVersion) -> str:
        return size(version.size_bytes) if version.size_bytes else BLANK

    @reasoned_action(
        description="Promote to champion",
        explanation="Callers of the model are answered by this version as soon as every web "
        "process has it warm; no call is refused meanwhile.",
        form_class=PromoteVersionForm,
        label="Promote to champion…",
        applies=is_ready,
        preview=_gate_of,
    )
    def promote(
        self,
        request: HttpRequest,
        row: ModelVersion,
        reason: str,
        override_reason: str,
        seen: int | None = None,
    ) -> None:
        move_alias(self, request, row.model, CHAMPION, row.number, reason, override_reason, seen)

    @reasoned_action(
        description="Replay logged requests",
        explanation="The newest logged calls of the model are run through this version and "
        "another; nothing changes for callers.",
        form_class=ReplayForm,
        label="Start replay…",
        applies=is_ready,
    )
    def start_replay(
        self,
        request: HttpRequest,
        row: ModelVersion,
        reason: str,
        **said: Any,  # noqa: ANN401 - the form's other fields
    ) -> None:
        replaying.start_replay(
            model_name=row.model.name,
            number=said["version"],
            against=said["against"],
            calls=said["calls"],
            actor=actor_of(request),
            reason=reason,
        )

    @reasoned_action(
        description="Archive",
        explanation="The version is retired: it answers 410 from then on, for good. Batch "
        "predictions that were submitted for it still finish.",
        label="Archive…",
        is_grave=True,
        applies=is_ready,
    )
    def retire(self, request: HttpRequest, row: ModelVersion, reason: str) -> None:
        retiring.retire_version(
            model_name=row.model.name,
            number=row.number,
            actor=actor_of(request),
            now=timezone.now(),
            reason=reason,
        )
