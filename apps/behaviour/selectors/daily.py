"""Facts by day and name, for a chart: the most usual by name, the rest as one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Count

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from django.db.models import QuerySet

    from apps.behaviour.models import BehaviourEvent

SHOWN_MAX: Final = 5  # names with a series of their own
DAYS_MAX: Final = 92  # the last of them; more bars than that cannot be told apart
OTHERS: Final = "others"


@dataclass(frozen=True, slots=True)
class DailyFacts:
    """What a chart shows.

    Attributes:
        days: without a gap, oldest first.
        series: name and facts of each day, the most usual first.
    """

    days: list[date]
    series: list[tuple[str, list[int]]]


def daily_facts(rows: QuerySet[BehaviourEvent]) -> DailyFacts:
    """Count these rows, in one statement."""
    grouped = rows.order_by().values("day", "name").annotate(count=Count("pk"))
    counts = {
        (row["day"], row["name"]): row["count"] for row in grouped.values("day", "name", "count")
    }
    days = _without_gaps(day for day, _ in counts)
    totals: Counter[str] = Counter()
    for (day, name), count in counts.items():
        totals[name] += count if day in days else 0
    shown = [name for name, _ in totals.most_common(SHOWN_MAX)]
    series = [(name, [counts.get((day, name), 0) for day in days]) for name in shown]
    rest = [sum(counts.get((day, name), 0) for name in totals if name not in shown) for day in days]
    return DailyFacts(days, [*series, (OTHERS, rest)] if any(rest) else series)


def _without_gaps(known: Iterable[date]) -> list[date]:
    days = sorted(set(known))
    if not days:
        return []
    count = min(DAYS_MAX, (days[-1] - days[0]).days + 1)
    return [days[-1] - timedelta(days=count - 1 - number) for number in range(count)]
