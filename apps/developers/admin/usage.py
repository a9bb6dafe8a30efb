"""What was called: the log of calls, and their sums by day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import OuterRef, Q, Subquery, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from apps.developers.admin.charts import calls_chart
from apps.developers.admin.deprecated import DeprecatedCallsPage
from apps.developers.models import Application, RequestRecord, UsageDay
from apps.developers.selectors.daily_calls import LOGINS, daily_calls
from apps.developers.selectors.requests import REQUEST_ID, only_request
from apps.developers.selectors.usage import latency_ms
from core.admin import AuditedModelAdmin, pill
from core.admin.display import BLANK, size
from core.admin.periods import PeriodFilter

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

APPLICATIONS_MAX = 50  # offered as a filter; others are found by their id
USERNAME = get_user_model()._default_manager.filter(pk=OuterRef("account_id")).values("username")  # noqa: SLF001 - Django's documented accessor
NAME = Application.objects.filter(pk=OuterRef("application_id")).values("name")


class UsagePeriodFilter(PeriodFilter):
    default = "month"


class ApplicationFilter(admin.SimpleListFilter):
    """The applications that called most in the past month, and people's own logins."""

    title = "application"
    parameter_name = "application"
    own = "none"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - Django's signature
        month = timezone.now().date() - timedelta(days=30)
        busiest = (
            UsageDay.objects.filter(day__gte=month, application_id__isnull=False)
            .values("application_id")
            .annotate(calls=Sum("calls"), name=Subquery(NAME))
            .order_by("-calls")[:APPLICATIONS_MAX]
        )
        named = [(str(row["application_id"]), row["name"] or BLANK) for row in busiest]
        return [(self.own, LOGINS.capitalize()), *named]

    def queryset(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
    ) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is None:
            return queryset
        if chosen == self.own:
            return queryset.filter(application_id=None)
        key = uuid_of(chosen)
        return queryset.none() if key is None else queryset.filter(application_id=key)


def uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def link_to(page: str, key: UUID | None, text: str | None = None) -> SafeString | str:
    """A link to the page of an object by its id; a dash when there is none."""
    if key is None:
        return BLANK
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{page}", args=[key]), text or key)


class CallsAdmin(AuditedModelAdmin[Any]):
    """Common to both tables: whose calls, and of which application."""

    search_help_text = "An id of an account or application, how a route begins"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any]
        rows = super().get_queryset(request).annotate(application_name=Subquery(NAME))
        rows = rows.annotate(username=Subquery(USERNAME))
        return rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return self.search(request, queryset, search_term.strip()), False

    def search(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        term: str,
    ) -> QuerySet[Any]:
        """By the shape of what is sought, each by an index or within the period."""
        key = uuid_of(term)
        if key is not None:
            return queryset.filter(Q(account_id=key) | Q(application_id=key))
        return queryset.filter(route__startswith=term) if term else queryset

    @admin.display(description="Account", ordering="account_id")
    def account(self, row: Any) -> SafeString | str:  # noqa: ANN401 - a row of either table
        return link_to("accounts_user_change", row.account_id, row.username)

    @admin.display(description="Application", ordering="application_id")
    def application(self, row: Any) -> SafeString | str:  # noqa: ANN401 - as above
        return link_to("developers_application_change", row.application_id, row.application_name)


@admin.register(RequestRecord)
class RequestRecordAdmin(CallsAdmin):
    list_display = (
        "at",
        "account",
        "application",
        "method",
        "route",
        "answer",
        "error_code",
        "latency",
        "request_id",
    )
    list_filter = (PeriodFilter, "method", "credential")
    search_fields = ("request_id",)
    search_help_text = f"{CallsAdmin.search_help_text}, a request id, or an error code."
    ordering = ("-id",)
    fields = (
        "request_id",
        "at",
        "account",
        "application",
        "user_id",
        "credential",
        "credential_id",
        "method",
        "route",
        "answer",
        "error_code",
        "latency",
        "request_size",
        "response_size",
        "work",
        "units",
    )
    readonly_fields = fields

    def search(self, request: HttpRequest, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        """A request id is found in any period."""
        if REQUEST_ID.fullmatch(term):
            return only_request(self.get_queryset(request), term)
        if term.isidentifier():
            return queryset.filter(error_code=term)
        return super().search(request, queryset, term)

    @admin.display(description="Status", ordering="status")
    def answer(self, row: RequestRecord) -> SafeString:
        moods = {4: "busy", 5: "bad"}
        return pill(str(row.status), moods.get(row.status // 100, "good"))  # type: ignore[arg-type] # each is a mood

    @admin.display(description="Latency", ordering="latency_ms")
    def latency(self, row: RequestRecord) -> str:
        return f"{row.latency_ms:,.1f} ms"

    @admin.display(description="Request's body")
    def request_size(self, row: RequestRecord) -> str:
        return size(row.request_bytes)

    @admin.display(description="Answer's body")
    def response_size(self, row: RequestRecord) -> str:
        return "streamed" if row.response_bytes is None else size(row.response_bytes)


@admin.register(UsageDay)
class UsageDayAdmin(DeprecatedCallsPage, CallsAdmin):
    change_list_template = "admin/developers/usageday/change_list.html"
    list_display = (
        "day",
        "account",
        "application",
        "method",
        "route",
        "work",
        "calls",
        "client_errors",
        "server_errors",
        "units",
        "p95",
    )
    list_filter = (UsagePeriodFilter, ApplicationFilter, "work", "method")
    search_fields = ("route",)
    search_help_text = f"{CallsAdmin.search_help_text}."
    ordering = ("-day", "-calls", "pk")
    fields = (
        "day",
        "account",
        "application",
        "method",
        "route",
        "work",
        "calls",
        "client_errors",
        "server_errors",
        "units",
        "p50",
        "p95",
    )
    readonly_fields = fields

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Above the rows, what all that are found add up to."""
        response = super().changelist_view(request, extra_context)
        context: dict[str, Any] = getattr(response, "context_data", None) or {}
        if "cl" in context:
            found = context["cl"].queryset
            names = ("calls", "client_errors", "server_errors", "units")
            sums = found.order_by().aggregate(**{name: Sum(name) for name in names})
            context["totals"] = [(name.replace("_", " "), f"{sums[name] or 0:,}") for name in names]
            context["chart"] = calls_chart(daily_calls(found))
        return response

    @admin.display(description="p50")
    def p50(self, row: UsageDay) -> str:
        return f"{latency_ms(row.latency_histogram, 0.50):,.1f} ms"

    @admin.display(description="p95")
    def p95(self, row: UsageDay) -> str:
        return f"{latency_ms(row.latency_histogram, 0.95):,.1f} ms"
