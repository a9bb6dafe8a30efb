"""API keys: what they may do and when they were used; never what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils import timezone

from apps.developers.admin.applications import key_pill
from apps.developers.models import ApiKey
from apps.developers.services import keys as services
from core.admin import AuditedModelAdmin, actor_of, reasoned_action

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


@admin.register(ApiKey)
class ApiKeyAdmin(AuditedModelAdmin[ApiKey]):
    audit_object_type = "api_key"
    list_display = (
        "prefix",
        "name",
        "application",
        "owner",
        "state",
        "created_at",
        "expires_at",
        "last_used_at",
    )
    list_filter = ("read_only", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("application__owner",)
    search_fields = (
        "prefix__startswith",
        "application__name__icontains",
        "application__owner__username__istartswith",
        "id__exact",
        "application__id__exact",
    )
    search_help_text = "How the key or its owner's username begins, part of an application's name."
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    actions = ("revoke",)
    fields = (
        "id",
        "prefix",
        "name",
        "application",
        "owner",
        "state",
        "scopes",
        "read_only",
        "networks",
        "created_at",
        "updated_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
        "replaced_by",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return super().get_queryset(request).defer("digest")

    @admin.display(description="Owner", ordering="application__owner__username")
    def owner(self, key: ApiKey) -> str:
        return str(key.application.owner)

    @admin.display(description="State")
    def state(self, key: ApiKey) -> SafeString:
        return key_pill(key)

    @reasoned_action(
        description="Revoke selected keys",
        explanation="They are dead for good, everywhere within seconds.",
    )
    def revoke(self, request: HttpRequest, row: ApiKey, reason: str) -> None:
        services.revoke_key(
            key_id=row.pk, actor=actor_of(request), reason=reason, now=timezone.now()
        )
