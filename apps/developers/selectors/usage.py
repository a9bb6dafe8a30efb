"""What an account has called, added up: by day, route, application, class of work."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Sum

from apps.developers.errors import UsageNotYoursError, UsageTooFineError
from apps.developers.models import UsageDay
from apps.developers.selectors.deprecated_calls import (
    only_deprecated,
    sunset_of,
    without_deprecated,
)
from core.facts.histogram import percentile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from django.db.models import QuerySet

    from core.security.principal import Principal

    Key = tuple[Any, ...]

ROWS_MAX: Final = 5_000  # of one answer
SUMS: Final = ("calls", "client_errors", "server_errors", "units")

# What usage may be grouped by, and the columns that this means, in the order of an answer's rows.
DIMENSIONS: Final[dict[str, tuple[str, ...]]] = {
    "day": ("day",),
    "application": ("application_id",),
    "route": ("method", "route"),
    "work": ("work",),
}


@dataclass(slots=True)
class UsageRow:
    """Calls that have something in common.

    Attributes:
        key: what, by column.
        sums: by column, those of SUMS.
        latencies: calls by bucket of core.facts.histogram.
    """

    key: dict[str, Any] = field(default_factory=dict)
    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SUMS, 0))
    latencies: Counter[int] = field(default_factory=Counter)

    @property
    def error_rate(self) -> float:
        """Share of calls answered 4xx or 5xx, 0 to 1."""
        errors = self.sums["client_errors"] + self.sums["server_errors"]
        return round(errors / self.sums["calls"], 4) if self.sums["calls"] else 0.0

    def latency_ms(self, share: float) -> float | None:
        """A percentile, within 5 %; None without a call."""
        milliseconds = percentile(self.latencies, share)
        return None if milliseconds is None else round(milliseconds, 3)

    def add(self, other: UsageRow) -> None:
        for name in SUMS:
            self.sums[name] += other.sums[name]
        self.latencies.update(other.latencies)


@dataclass(frozen=True, slots=True)
class Usage:
    rows: list[UsageRow]
    totals: UsageRow


def usage_visible_to(
    principal: Principal, *, first: date, last: date, deprecated: bool | None = None
) -> QuerySet[UsageDay]:
    """Of the days from `first` to `last`: a person's whole account's, an application's own.

    With `deprecated` only calls of what is deprecated, or only the others.

    Raises UsageNotYoursError: somebody other than the application's owner has lent the token, which
    may lie in that person's hands.
    """
    if principal.user_id != principal.account_id:
        raise UsageNotYoursError
    rows = UsageDay.objects.filter(account_id=principal.account_id, day__range=(first, last))
    if deprecated is not None:
        rows = only_deprecated(rows) if deprecated else without_deprecated(rows)
    if principal.application_id is not None:
        return rows.filter(application_id=principal.application_id)
    return rows


def usage_of(days: QuerySet[UsageDay], *, by: Iterable[str]) -> Usage:
    """Add up, in two statements. By route, a row also says when that will be gone.

    Args:
        days: from `usage_visible_to`, or any others.
        by: names of DIMENSIONS; none: one row of everything.

    Raises:
        UsageTooFineError: more than ROWS_MAX rows.
    """
    wanted = set(by)
    columns = [c for name, listed in DIMENSIONS.items() if name in wanted for c in listed]
    rows = _summed(days, columns)
    for key, bucket, calls in _latencies(days, columns):
        if key in rows:  # else it was written between the two statements
            rows[key].latencies[bucket] = calls
    totals = UsageRow()
    for row in rows.values():
        totals.add(row)
        if "route" in wanted:
            row.key["sunset"] = sunset_of(row.key["method"], row.key["route"])
    return Usage(list(rows.values()), totals)


def _summed(days: QuerySet[UsageDay], columns: list[str]) -> dict[Key, UsageRow]:
    sums = {name: Sum(name) for name in SUMS}
    groups: list[dict[str, Any]]
    if columns:
        grouped = days.order_by(*columns).values(*columns).annotate(**sums)
        groups = list(grouped[: ROWS_MAX + 1])
    else:
        groups = [days.aggregate(**sums)]
    if len(groups) > ROWS_MAX:
        raise UsageTooFineError(f"There are more than {ROWS_MAX:,} rows.")
    return {
        tuple(group[column] for column in columns): UsageRow(
            key={column: group[column] for column in columns},
            sums={name: int(group[name] or 0) for name in SUMS},
        )
        for group in groups
    }


def _latencies(days: QuerySet[UsageDay], columns: list[str]) -> list[tuple[Key, int, int]]:
    """Key, bucket, calls: the histograms of each group added up where they are stored."""
    listed = "".join(f"{column}, " for column in columns)
    try:
        chosen, parameters = days.order_by().query.sql_with_params()
    except EmptyResultSet:  # Django knows that there can be none
        return []
    statement = (
        f"SELECT {listed}(place - 1)::integer, sum(calls_in)::bigint"  # noqa: S608 - columns of DIMENSIONS
        f" FROM ({chosen}) AS chosen,"
        " unnest(latency_histogram) WITH ORDINALITY AS bucket (calls_in, place)"
        f" WHERE calls_in > 0 GROUP BY {listed}place"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [(tuple(row[:-2]), row[-2], row[-1]) for row in cursor.fetchall()]


def latency_ms(histogram: Sequence[int], share: float) -> float:
    """A percentile of one row's calls; 0 when it has none."""
    return percentile(dict(enumerate(histogram)), share) or 0.0
