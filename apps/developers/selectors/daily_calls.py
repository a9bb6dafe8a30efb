"""Calls by day and application, for a chart: the busiest by name, the rest as one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Sum

from apps.developers.models import Application, UsageDay

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from uuid import UUID

    from django.db.models import QuerySet

SHOWN_MAX: Final = 5  # callers with a series of their own
DAYS_MAX: Final = 92  # the last of them; more bars than that cannot be told apart
MONTH_DAYS: Final = 30
LOGINS: Final = "people's own logins"
OTHERS: Final = "others"


@dataclass(frozen=True, slots=True)
class DailyCalls:
    """What a chart shows.

    Attributes:
        days: without a gap, oldest first.
        series: name and calls of each day, the busiest first.
    """

    days: list[date]
    series: list[tuple[str, list[int]]]


def daily_calls(usage: QuerySet[UsageDay]) -> DailyCalls:
    """Add up the calls of these rows. Three small statements."""
    by_day = dict(usage.order_by("day").values_list("day").annotate(Sum("calls")))
    days = _without_gaps(by_day)
    usage = usage.filter(day__in=days)
    busiest = [
        caller
        for caller, _ in usage.values_list("application_id")
        .annotate(calls=Sum("calls"))
        .order_by("-calls", "application_id")[:SHOWN_MAX]
    ]
    calls = {
        (caller, day): count
        for caller, day, count in usage.order_by()
        .values_list("application_id", "day")
        .annotate(Sum("calls"))
        if caller in busiest
    }
    names = _names_of(busiest)
    series = [
        (names.get(caller, LOGINS), [calls.get((caller, day), 0) for day in days])
        for caller in busiest
    ]
    rest = [by_day.get(day, 0) - sum(s[1][n] for s in series) for n, day in enumerate(days)]
    return DailyCalls(days, [*series, (OTHERS, rest)] if any(rest) else series)


def daily_calls_of(application_id: UUID, *, today: date) -> DailyCalls:
    """One application's, of the month up to today."""
    month = (today - timedelta(days=MONTH_DAYS), today)
    return daily_calls(UsageDay.objects.filter(application_id=application_id, day__range=month))


def _without_gaps(known: Iterable[date]) -> list[date]:
    days = sorted(known)
    if not days:
        return []
    count = min(DAYS_MAX, (days[-1] - days[0]).days + 1)
    return [days[-1] - timedelta(days=count - 1 - number) for number in range(count)]


def _names_of(callers: Iterable[UUID | None]) -> dict[UUID | None, str]:
    ids = [caller for caller in callers if caller is not None]
    names = dict(Application.objects.filter(pk__in=ids).values_list("pk", "name"))
    return {caller: names.get(caller, str(caller)) for caller in ids}
