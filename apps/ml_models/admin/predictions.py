"""The prediction log, without what callers sent, were answered and said later.

That is personal data: it is in no list, and on a row's own page only for staff who were given
`view_loggedprediction`, whichever of the three tables the row is of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import OuterRef, Q, Subquery

from apps.ml_models.admin.display import logged_rows, outcome
from apps.ml_models.models import (
    OK,
    LoggedPrediction,
    ModelVersion,
    PredictionTruth,
    ShadowPrediction,
)
from core.admin import AuditedModelAdmin
from core.admin.display import BLANK
from core.admin.periods import PeriodFilter

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

VERSION = ModelVersion.objects.filter(pk=OuterRef("version_id"))


class OutcomeFilter(admin.SimpleListFilter):
    """Two choices: to offer every code that there is, all rows would have to be read."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - Django's signature
        return [("ok", "Answered"), ("failed", "Failed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is None:
            return queryset
        return queryset.filter(outcome=OK) if chosen == "ok" else queryset.exclude(outcome=OK)


class LogAdmin(AuditedModelAdmin[Any]):
    """Common to the three tables: the version by name, and looking up by an id.

    Attributes:
        ids: columns that are looked for by an id.
        plain: fields for everyone who may see the table.
        personal: fields for those who may view logged predictions.
    """

    ids: tuple[str, ...] = ("id", "version_id")
    plain: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    list_filter: ClassVar[Any] = (PeriodFilter, OutcomeFilter)
    search_fields = ("id__exact",)
    search_help_text = "The id of a prediction or of a version, or part of a model's name."
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        names = {
            "model_name": Subquery(VERSION.values("model__name")),
            "version_number": Subquery(VERSION.values("number")),
        }
        rows: QuerySet[Any] = super().get_queryset(request).annotate(**names)
        return rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            key = UUID(term)
        except ValueError:
            versions = ModelVersion.objects.filter(model__name__icontains=term)
            return queryset.filter(version_id__in=versions.values("pk")), False
        wanted = Q()
        for column in self.ids:
            wanted |= Q(**{column: key})
        return queryset.filter(wanted), False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ANN401 - Django's signature
        shown: list[Any] = [(None, {"fields": self.plain})]
        if request.user.has_perm("ml_models.view_loggedprediction"):
            shown.append(("Personal data", {"fields": self.personal}))
        return shown

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ANN401 - likewise
        return (*self.plain, *self.personal)

    @admin.display(description="Version", ordering="version_id")
    def of_version(self, row: Any) -> str:  # noqa: ANN401 - a row of any of the tables
        if row.model_name is None:
            return str(row.version_id)
        return f"{row.model_name}:{row.version_number}"

    @admin.display(description="Outcome", ordering="outcome")
    def ended(self, row: Any) -> SafeString:  # noqa: ANN401 - as above
        return outcome(row.outcome)

    @admin.display(description="Latency", ordering="latency_us")
    def latency(self, row: Any) -> str:  # noqa: ANN401 - as above
        return f"{row.latency_us:,} µs"


@admin.register(LoggedPrediction)
class LoggedPredictionAdmin(LogAdmin):
    """Whoever may only act on models sees here neither inputs nor callers."""

    ids = ("id", "version_id", "model_id")
    list_display = ("at", "of_version", "alias", "arm", "rows", "ended", "latency", "request_id")
    list_filter = (PeriodFilter, "arm", OutcomeFilter)
    plain = (
        "id",
        "day",
        "at",
        "of_version",
        "alias",
        "arm",
        "rows",
        "ended",
        "latency",
        "request_id",
    )
    personal = ("user_id", "application_id", "caller", "rows_shown")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """What is personal is not even read for a list."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        if match is not None and str(match.url_name).endswith("_changelist"):
            return rows.defer("features", "scores", "outputs")
        return rows

    @admin.display(description="Rows")
    def rows_shown(self, row: LoggedPrediction) -> SafeString | str:
        version = ModelVersion.objects.filter(pk=row.version_id).only("signature").first()
        return logged_rows(row, None if version is None else version.signature)


@admin.register(ShadowPrediction)
class ShadowPredictionAdmin(LogAdmin):
    ids = ("id", "version_id", "prediction_id", "split_id")
    list_display = ("id", "day", "of_version", "prediction_id", "ended", "latency")
    plain = ("id", "day", "of_version", "prediction_id", "split_id", "ended", "latency")
    personal = ("scores", "classes")


@admin.register(PredictionTruth)
class PredictionTruthAdmin(LogAdmin):
    list_display = ("id", "day", "of_version", "known", "received_at")
    list_filter = (PeriodFilter,)
    plain = ("id", "day", "of_version", "known", "received_at")
    personal = ("truths", "user_id", "application_id")

    @admin.display(description="Rows known")
    def known(self, row: PredictionTruth) -> str:
        known = sum(truth is not None for truth in row.truths)
        return f"{known} of {len(row.truths)}" if row.truths else BLANK
