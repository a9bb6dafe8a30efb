"""Which processes live, and how far each is with which version."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import admin
from django.utils import timezone

from apps.ml_models.models import ServedVersion, ServingProcess
from apps.ml_models.runtime.heartbeat import STALE_AFTER
from core.admin import AuditedModelAdmin, pill
from core.admin.display import size

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


class VersionInline(admin.TabularInline):  # type: ignore[type-arg] # Django's class takes none
    model = ServedVersion
    fields = ("version", "state", "engine", "detail", "bytes", "warm_up_ms", "since")
    readonly_fields = fields
    extra = max_num = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServedVersion]:
        return super().get_queryset(request).select_related("version__model")


@admin.register(ServingProcess)
class ServingProcessAdmin(AuditedModelAdmin[ServingProcess]):
    list_display = ("__str__", "alive", "generation", "memory", "started_at", "heartbeat_at")
    list_filter = ("role", "host")
    search_fields = ("host__icontains", "id__exact")
    search_help_text = "Part of the machine's name, or an id."
    ordering = ("-heartbeat_at",)
    inlines = (VersionInline,)
    fields = (
        "id",
        "role",
        "host",
        "pid",
        "alive",
        "generation",
        "memory",
        "started_at",
        "heartbeat_at",
    )
    readonly_fields = fields

    @admin.display(description="State")
    def alive(self, process: ServingProcess) -> SafeString:
        age = timezone.now() - process.heartbeat_at
        limit = timedelta(seconds=STALE_AFTER * settings.SERVING_HEARTBEAT_SECONDS)
        return pill("alive", "good") if age < limit else pill("not heard of", "bad")

    @admin.display(description="Memory", ordering="rss_bytes")
    def memory(self, process: ServingProcess) -> str:
        return size(process.rss_bytes)


@admin.register(ServedVersion)
class ServedVersionAdmin(AuditedModelAdmin[ServedVersion]):
    list_display = ("version", "process", "status", "engine", "warm_up_ms", "since", "detail")
    list_filter = ("state", "engine", "process__role")
    list_select_related = ("process", "version__model")
    search_fields = ("version__model__name__icontains", "process__host__icontains")
    search_help_text = "Part of the model's or the machine's name."
    ordering = ("version__model__name", "version__number", "pk")
    fields = (
        "process",
        "version",
        "status",
        "detail",
        "engine",
        "bytes",
        "warm_up_ms",
        "since",
    )
    readonly_fields = fields

    @admin.display(description="State", ordering="state")
    def status(self, served: ServedVersion) -> SafeString:
        moods = {"available": "good", "end": "bad" if served.detail else ""}
        return pill(served.get_state_display(), moods.get(served.state, "busy"))  # type: ignore[arg-type] # each is a mood
