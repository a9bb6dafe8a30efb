"""Imports of CSV files, with what became of each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib import admin
from django.utils.html import format_html, format_html_join

from apps.products.admin.display import import_state
from apps.products.models import ProductImport, ProductImportRow
from core.admin import AuditedModelAdmin, Panel
from core.admin.charts import nothing_yet
from core.admin.display import BLANK, facts, moment, size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

FAULTS_SHOWN: Final = 100  # rows that failed; the API lists all


@admin.register(ProductImport)
class ProductImportAdmin(AuditedModelAdmin[ProductImport]):
    audit_object_type = "product_import"
    list_display = ("__str__", "now", "dry_run", "done", "created", "updated", "failed", "by", "at")
    list_filter = ("state", "dry_run")
    list_select_related = ("user",)
    search_fields = ("file_name__icontains", "user__username__icontains", "id__exact")
    search_help_text = "Part of the file's name or of a username, or an id."
    ordering = ("-id",)
    fields = ("id", "file_name", "user", "application_id", "dry_run", "created_at", "ended_at")
    readonly_fields = fields

    def panels(self, request: HttpRequest, row: ProductImport) -> Sequence[Panel]:
        return (
            Panel("Outcome", _outcome(row)),
            Panel("Rows that failed", _faults(row), is_wide=True),
        )

    @admin.display(description="State", ordering="state")
    def now(self, row: ProductImport) -> SafeString:
        return import_state(row)

    @admin.display(description="Rows")
    def done(self, row: ProductImport) -> str:
        return f"{row.rows_done:,} of {BLANK if row.rows_total is None else f'{row.rows_total:,}'}"

    @admin.display(description="By")
    def by(self, row: ProductImport) -> str:
        return str(row.user)

    @admin.display(description="Uploaded", ordering="created_at")
    def at(self, row: ProductImport) -> str:
        return moment(row.created_at)


@admin.register(ProductImportRow)
class ProductImportRowAdmin(AuditedModelAdmin[ProductImportRow]):
    in_index = False
    list_display = ("product_import", "number", "outcome", "sku", "faults")
    list_filter = ("outcome",)
    list_select_related = ("product_import",)
    search_fields = ("sku__icontains",)
    search_help_text = "Part of a SKU."
    ordering = ("-id",)
    fields = ("product_import", "number", "outcome", "sku", "faults")
    readonly_fields = fields

    @admin.display(description="Faults")
    def faults(self, row: ProductImportRow) -> SafeString | str:
        return faults_of(row)


def faults_of(row: ProductImportRow) -> SafeString | str:
    """Column and sentence of each fault."""
    pairs = ((fault.get("column", ""), fault.get("detail", "")) for fault in row.errors)
    return format_html_join("; ", "{} {}", pairs) or BLANK


def _outcome(row: ProductImport) -> SafeString:
    counts = facts(
        ("Created", "Updated", "Unchanged", "Failed", "Size"),
        [(row.created, row.updated, row.unchanged, row.failed, size(row.size_bytes))],
    )
    why = format_html("<p>{}: {}</p>", row.error_code, row.error_detail) if row.error_code else ""
    return format_html('<p class="headline">{}</p>{}{}', import_state(row), why, counts)


def _faults(row: ProductImport) -> SafeString:
    failed = row.rows.filter(outcome=ProductImportRow.Outcome.FAILED).order_by("number")
    lines = [(each.number, each.sku or BLANK, faults_of(each)) for each in failed[:FAULTS_SHOWN]]
    if not lines:
        return nothing_yet("Each row that cannot be taken is told here.", "None.")
    return facts(("Line", "SKU", "Why"), lines)
