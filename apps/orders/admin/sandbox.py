"""The sandbox provider's books, to look at."""

from __future__ import annotations

from django.contrib import admin

from apps.orders.models import SandboxCall, SandboxCharge
from core.admin import AuditedModelAdmin


@admin.register(SandboxCharge)
class SandboxChargeAdmin(AuditedModelAdmin[SandboxCharge]):
    list_display = ("reference", "method", "status", "amount", "captured", "refunded", "currency")
    list_filter = ("status", "method")
    search_fields = ("reference__exact", "id__exact")
    search_help_text = "A charge's reference, or an id."
    ordering = ("-id",)
    fields = (*list_display, "created_at", "updated_at")
    readonly_fields = fields


@admin.register(SandboxCall)
class SandboxCallAdmin(AuditedModelAdmin[SandboxCall]):
    in_index = False
    list_display = ("key", "answer", "created_at")
    search_fields = ("key__exact", "id__exact")
    search_help_text = "The key of a call, or an id."
    ordering = ("-id",)
    fields = ("key", "answer", "created_at")
    readonly_fields = fields
