"""The operators' door: what people were seen doing, to be read alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args
from uuid import UUID

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import OuterRef, Q, Subquery
from django.urls import reverse
from django.utils.html import format_html

from apps.behaviour.models import BehaviourEvent
from apps.behaviour.selectors.daily import daily_facts
from core.admin import AuditedModelAdmin
from core.admin.charts import day_bars
from core.admin.display import BLANK, pretty_json
from core.admin.periods import PeriodFilter
from core.behaviour import Name

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

PEOPLE = get_user_model()._default_manager  # noqa: SLF001 - Django's documented accessor


class NameFilter(admin.SimpleListFilter):
    """By the names there can be: to offer those that there are, all rows would have to be read."""

    title = "name"
    parameter_name = "name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - Django's signature
        return [(name, name) for name in get_args(Name)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(name=chosen)


@admin.register(BehaviourEvent)
class BehaviourEventAdmin(AuditedModelAdmin[BehaviourEvent]):
    """Personal data: whoever may view the table may see what each person looked at and bought."""

    change_list_template = "admin/behaviour/behaviourevent/change_list.html"
    list_display = ("at", "name", "person", "anonymous_id", "application_id", "shown", "request_id")
    list_filter = (PeriodFilter, NameFilter)
    search_fields = ("id__exact",)
    search_help_text = "A username, or the id of a user, cart, application or fact."
    ordering = ("-id",)
    fields = (
        "id",
        "at",
        "name",
        "person",
        "anonymous_id",
        "application_id",
        "shown",
        "request_id",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[BehaviourEvent]:
        username = PEOPLE.filter(pk=OuterRef("user_id")).values("username")
        rows: QuerySet[BehaviourEvent]
        rows = super().get_queryset(request).annotate(username=Subquery(username))
        return rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[BehaviourEvent], search_term: str
    ) -> tuple[QuerySet[BehaviourEvent], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            key = UUID(term)
        except ValueError:
            person = PEOPLE.filter(username=term).values("pk")[:1]
            return queryset.filter(user_id=Subquery(person)), False
        ids = ("id", "user_id", "anonymous_id", "application_id")
        wanted = Q()
        for column in ids:
            wanted |= Q(**{column: key})
        return queryset.filter(wanted), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Above the rows, how many of those that are found fall on which day."""
        response = super().changelist_view(request, extra_context)
        context: dict[str, Any] = getattr(response, "context_data", None) or {}
        if "cl" in context:
            found = daily_facts(context["cl"].queryset)
            if found.days:
                context["chart"] = day_bars(
                    label="Facts by day", days=found.days, series=found.series, noun="facts"
                )
        return response

    @admin.display(description="Person", ordering="user_id")
    def person(self, row: Any) -> SafeString | str:  # noqa: ANN401 - a row with its username
        if row.user_id is None:
            return BLANK
        url = reverse("admin:accounts_user_change", args=[row.user_id])
        return format_html('<a href="{}">{}</a>', url, row.username or row.user_id)

    @admin.display(description="Properties")
    def shown(self, row: BehaviourEvent) -> SafeString | str:
        return pretty_json(row.properties) if row.properties else BLANK
