"""Runs of a reconciliation: how many rows were compared, and which disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.contrib import admin
from django.db.models import Model
from django.utils.html import format_html

from core.admin.base import AuditedModelAdmin
from core.admin.charts import nothing_yet
from core.admin.display import pill, pretty_json
from core.admin.objects import Panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

Row = TypeVar("Row", bound=Model)


class ReconciliationAdmin(AuditedModelAdmin[Row]):
    """Of a table with `checked`, `drifted`, `findings`, `run_by` and `created_at`.

    Attributes:
        in_order: what is said when nothing disagrees.
    """

    in_order: ClassVar[str] = ""
    list_display = ("created_at", "outcome", "checked", "drifted", "run_by")
    list_select_related = ("run_by",)
    search_fields = ("id__exact",)
    search_help_text = "An id."
    ordering = ("-id",)
    fields = ("id", "checked", "drifted", "run_by", "created_at")
    readonly_fields = fields

    def panels(self, request: HttpRequest, row: Any) -> Sequence[Panel]:  # noqa: ANN401, ARG002 - any such row
        if not row.findings:
            return (Panel("Findings", nothing_yet(self.in_order, "None."), is_wide=True),)
        return (Panel("Findings", format_html("{}", pretty_json(row.findings)), is_wide=True),)

    @admin.display(description="Outcome", ordering="drifted")
    def outcome(self, row: Any) -> SafeString:  # noqa: ANN401 - likewise
        if not row.drifted:
            return pill("in order", "good")
        return pill(f"{row.drifted:,} drifted", "bad")
