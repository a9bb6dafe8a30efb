"""The filter of tables that are partitioned or added up by day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from django.db.models import QuerySet
    from django.http import HttpRequest


class PeriodFilter(admin.SimpleListFilter):
    """How far back to look, by the column `day`; without a choice as far as `default` says."""

    title = "period"
    parameter_name = "period"
    periods = {"day": 1, "week": 7, "month": 30, "quarter": 92}  # days before today
    default = "day"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401, ARG002 - Django's signature
        return [
            ("today", "Today"),
            ("day", "Since yesterday"),
            ("week", "Past week"),
            ("month", "Past 30 days"),
            ("quarter", "Past 92 days"),
            ("all", "All that is kept"),
        ]

    def choices(self, changelist: Any) -> Iterator[Any]:  # noqa: ANN401 - Django's signature
        """Django's, without the "All" that stands for no choice."""
        chosen = self.value() or self.default
        for lookup, title in self.lookup_choices:
            yield {
                "selected": str(lookup) == chosen,
                "query_string": changelist.get_query_string({self.parameter_name: lookup}),
                "display": title,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002 - Django's signature
        chosen = self.value() or self.default
        if chosen == "all":
            return queryset
        return queryset.filter(day__gte=self._first_day(chosen))

    def _first_day(self, chosen: str) -> date:
        return timezone.now().date() - timedelta(days=self.periods.get(chosen, 0))
