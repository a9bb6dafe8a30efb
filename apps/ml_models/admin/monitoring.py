"""Quality and drift by day, as the daily job has measured them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from apps.ml_models.admin.display import figure
from apps.ml_models.models import DriftReading, DriftReference, VersionQuality
from core.admin import AuditedModelAdmin, pill, pretty_json

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


@admin.register(VersionQuality)
class VersionQualityAdmin(AuditedModelAdmin[VersionQuality]):
    list_display = (
        "day",
        "version",
        "calls",
        "failed_calls",
        "truths",
        "auc_shown",
        "calibration_shown",
        "mean_shown",
    )
    list_filter = ("version__model", "day")
    list_select_related = ("version__model",)
    search_fields = ("version__model__name__icontains", "version__id__exact")
    search_help_text = "Part of a model's name, or a version's id."
    date_hierarchy = "day"
    ordering = ("-day", "version__model__name", "-version__number", "pk")
    fields = (
        "version",
        "day",
        "calls",
        "failed_calls",
        "rows",
        "truths",
        "positives",
        "auc",
        "log_loss",
        "brier",
        "calibration_error",
        "mean_score",
        "bins_shown",
        "latency_shown",
        "computed_at",
    )
    readonly_fields = fields

    @admin.display(description="AUC", ordering="auc")
    def auc_shown(self, row: VersionQuality) -> str:
        return figure(row.auc)

    @admin.display(description="Calibration error", ordering="calibration_error")
    def calibration_shown(self, row: VersionQuality) -> str:
        return figure(row.calibration_error)

    @admin.display(description="Mean score", ordering="mean_score")
    def mean_shown(self, row: VersionQuality) -> str:
        return figure(row.mean_score)

    @admin.display(description="Bins")
    def bins_shown(self, row: VersionQuality) -> SafeString | str:
        return pretty_json(row.bins or None)

    @admin.display(description="Latency, µs")
    def latency_shown(self, row: VersionQuality) -> str:
        return ", ".join(f"{name} {value}" for name, value in sorted(row.latency_us.items()))


@admin.register(DriftReference)
class DriftReferenceAdmin(AuditedModelAdmin[DriftReference]):
    list_display = ("version", "feature_shown", "rows", "source", "created_at")
    list_filter = ("source", "version__model")
    list_select_related = ("version__model",)
    search_fields = ("version__model__name__icontains", "feature__icontains")
    search_help_text = "Part of a model's or a feature's name."
    ordering = ("-created_at", "feature", "pk")
    fields = ("version", "feature_shown", "edges", "counts", "rows", "source", "created_at")
    readonly_fields = fields

    @admin.display(description="Feature", ordering="feature")
    def feature_shown(self, row: DriftReference) -> str:
        return row.feature or "the score"


@admin.register(DriftReading)
class DriftReadingAdmin(AuditedModelAdmin[DriftReading]):
    list_display = (
        "day",
        "version",
        "feature_shown",
        "psi_shown",
        "threshold_shown",
        "verdict",
        "rows",
    )
    list_filter = ("drifted", "version__model", "day")
    list_select_related = ("version__model",)
    search_fields = ("version__model__name__icontains", "feature__icontains")
    search_help_text = "Part of a model's or a feature's name."
    date_hierarchy = "day"
    ordering = ("-day", "-drifted", "feature", "pk")
    fields = (
        "version",
        "day",
        "feature_shown",
        "rows",
        "psi",
        "threshold",
        "verdict",
        "counts",
        "announced",
        "computed_at",
    )
    readonly_fields = fields

    @admin.display(description="Feature", ordering="feature")
    def feature_shown(self, row: DriftReading) -> str:
        return row.feature or "the score"

    @admin.display(description="PSI", ordering="psi")
    def psi_shown(self, row: DriftReading) -> str:
        return figure(row.psi)

    @admin.display(description="Threshold", ordering="threshold")
    def threshold_shown(self, row: DriftReading) -> str:
        return figure(row.threshold)

    @admin.display(description="Verdict", ordering="drifted")
    def verdict(self, row: DriftReading) -> SafeString:
        return pill("drifted", "bad") if row.drifted else pill("steady", "good")
