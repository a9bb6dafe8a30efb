"""What versions know of themselves: cards, tags, the moves between states; and waiting uploads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils import timezone

from apps.ml_models.admin.markdown import rendered
from apps.ml_models.models import (
    RegistryTag,
    UploadedArtefact,
    VersionCard,
    VersionTransition,
)
from core.admin import AuditedModelAdmin, pill, pretty_json
from core.admin.display import BLANK, moment, size

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


@admin.register(VersionCard)
class VersionCardAdmin(AuditedModelAdmin[VersionCard]):
    audit_object_type = "model_version"
    list_display = ("version", "description", "source", "run_id", "updated_at")
    list_filter = ("version__model",)
    list_select_related = ("version__model",)
    search_fields = (
        "version__model__name__icontains",
        "description__icontains",
        "run_id__exact",
        "training_data_digest__startswith",
    )
    search_help_text = "Part of a model's name or of the description, a run, how a digest begins."
    ordering = ("-updated_at", "-id")
    fields = (
        "version",
        "description",
        "card_shown",
        "training_data_digest",
        "training_shown",
        "frameworks_shown",
        "run_id",
        "source",
        "parent",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields

    @admin.display(description="Model card")
    def card_shown(self, card: VersionCard) -> SafeString | str:
        return rendered(card.text) or BLANK

    @admin.display(description="Training")
    def training_shown(self, card: VersionCard) -> SafeString | str:
        return pretty_json(card.training or None)

    @admin.display(description="Frameworks")
    def frameworks_shown(self, card: VersionCard) -> str:
        named = sorted(card.frameworks.items())
        return ", ".join(f"{name} {version}" for name, version in named) or BLANK


@admin.register(RegistryTag)
class RegistryTagAdmin(AuditedModelAdmin[RegistryTag]):
    list_display = ("key", "value", "model", "version", "updated_at")
    list_filter = ("model",)
    list_select_related = ("model", "version__model")
    search_fields = ("key__istartswith", "value__icontains", "model__name__icontains")
    search_help_text = "How a key begins, part of a value or of a model's name."
    ordering = ("model__name", "version__number", "key", "pk")
    fields = ("model", "version", "key", "value", "updated_at")
    readonly_fields = fields


@admin.register(VersionTransition)
class VersionTransitionAdmin(AuditedModelAdmin[VersionTransition]):
    list_display = ("at", "version", "move", "actor", "reason", "reason_code")
    list_filter = ("to_state", "version__model")
    list_select_related = ("version__model", "actor")
    search_fields = ("version__model__name__icontains", "sha256__startswith", "request_id__exact")
    search_help_text = "Part of a model's name, how a digest begins, or a request id."
    date_hierarchy = "at"
    ordering = ("-id",)
    fields = (
        "at",
        "version",
        "move",
        "actor",
        "application_id",
        "reason",
        "reason_code",
        "sha256",
        "request_id",
    )
    readonly_fields = fields

    @admin.display(description="Move", ordering="to_state")
    def move(self, row: VersionTransition) -> str:
        return f"{row.from_state} → {row.to_state}" if row.from_state else row.to_state


@admin.register(UploadedArtefact)
class UploadedArtefactAdmin(AuditedModelAdmin[UploadedArtefact]):
    list_display = ("path", "state", "size_shown", "created_by", "created_at", "expires")
    list_select_related = ("created_by",)
    search_fields = ("path__icontains", "sha256__startswith", "created_by__username__istartswith")
    search_help_text = "Part of a path, how a digest or a username begins."
    ordering = ("-created_at", "-id")
    fields = (
        "id",
        "path",
        "state",
        "sha256",
        "size_shown",
        "created_by",
        "application_id",
        "created_at",
        "expires_at",
    )
    readonly_fields = fields

    @admin.display(description="State")
    def state(self, upload: UploadedArtefact) -> SafeString:
        return pill("over") if upload.expires_at <= timezone.now() else pill("waiting", "busy")

    @admin.display(description="Size", ordering="bytes")
    def size_shown(self, upload: UploadedArtefact) -> str:
        return size(upload.bytes)

    @admin.display(description="Expires", ordering="expires_at")
    def expires(self, upload: UploadedArtefact) -> str:
        return moment(upload.expires_at)
