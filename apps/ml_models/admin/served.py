"""Which processes live, and how far each is with which version."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import admin
from django.utils import timezone

from apps.ml_models.admin.display import served_state
from apps.ml_models.admin.process_panels import budget_meter, process_panels
from apps.ml_models.models import ServedVersion, ServingProcess
from apps.ml_models.runtime.quorum import STALE_AFTER
from core.admin import AuditedModelAdmin, Panel, pill
from core.admin.display import size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.safestring import SafeString


@admin.register(ServingProcess)
class ServingProcessAdmin(AuditedModelAdmin[ServingProcess]):
    list_display = (
        "__str__",
        "alive",
        "generation",
        "budget",
        "memory",
        "loads",
        "heartbeat_at",
    )
    list_filter = ("role", "host")
    search_fields = ("host__icontains", "id__exact")
    search_help_text = "Part of the machine's name, or an id."
    ordering = ("-heartbeat_at",)
    fields = (
        "id",
        "role",
        "host",
        "pid",
        "alive",
        "generation",
        "budget",
        "memory",
        "loads",
        "started_at",
        "heartbeat_at",
    )
    readonly_fields = fields

    def panels(self, request: HttpRequest, row: ServingProcess) -> Sequence[Panel]:
        versions = row.versions.select_related("version__model").order_by("version__model__name")
        return process_panels(row, versions)

    @admin.display(description="State")
    def alive(self, process: ServingProcess) -> SafeString:
        if process.retiring:
            return pill("retiring", "busy")
        age = timezone.now() - process.heartbeat_at
        limit = timedelta(seconds=STALE_AFTER * settings.SERVING_HEARTBEAT_SECONDS)
        return pill("alive", "good") if age < limit else pill("not heard of", "bad")

    @admin.display(description="Loaded versions", ordering="loaded_bytes")
    def budget(self, process: ServingProcess) -> SafeString | str:
        return budget_meter(process)

    @admin.display(description="Resident memory", ordering="rss_bytes")
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
        "measured_bytes",
        "warm_up_ms",
        "since",
    )
    readonly_fields = fields

    @admin.display(description="State", ordering="state")
    def status(self, served: ServedVersion) -> SafeString:
        return served_state(served)
