"""Who still calls what is deprecated: read off the sums of each day, so a call pays nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Max, Q, Sum

from apps.developers.models import Application, UsageDay
from core.api.deprecation import DeprecatedOperation, deprecated_operations

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from uuid import UUID

    from django.db.models import QuerySet

WEEK_DAYS: Final = 7  # up to today, today included
MONTH_DAYS: Final = 30
CALLERS_MAX: Final = 1_000  # rows of a report, those who called most


@dataclass(frozen=True, slots=True)
class DeprecatedCalls:
    """An operation, a caller, and how often of late.

    Attributes:
        operation: what is called.
        account_id: who is told: the application's owner, or the user.
        application_id: None: a person's own login.
        application_name: empty without one.
        week, month: calls of WEEK_DAYS and MONTH_DAYS.
        last_day: of the last call (UTC).
    """

    operation: DeprecatedOperation
    account_id: UUID
    application_id: UUID | None
    application_name: str
    week: int
    month: int
    last_day: date


def only_deprecated(days: QuerySet[UsageDay]) -> QuerySet[UsageDay]:
    """Of these rows, the calls of operations that are deprecated or have been retired."""
    return days.filter(_calls_of(deprecated_operations()))


def without_deprecated(days: QuerySet[UsageDay]) -> QuerySet[UsageDay]:
    """Of these rows, all other calls."""
    return days.exclude(_calls_of(deprecated_operations()))


def sunset_of(method: str, route: str) -> date | None:
    """When an operation will be gone, or went; None: it stays."""
    for operation in deprecated_operations():
        if operation.route == route and method in _methods(operation):
            return operation.deprecation.sunset
    return None


def deprecated_calls(*, today: date) -> list[DeprecatedCalls]:
    """Of the month up to today; what goes next comes first, then who calls most."""
    found = [calls for operation in deprecated_operations() for calls in _callers(operation, today)]
    return found[:CALLERS_MAX]


def _methods(operation: DeprecatedOperation) -> tuple[str, ...]:
    """HEAD is logged as itself, and is what GET is."""
    return ("GET", "HEAD") if operation.method == "GET" else (operation.method,)


def _calls_of(operations: Iterable[DeprecatedOperation]) -> Q:
    each = (Q(route=one.route, method__in=_methods(one)) for one in operations)
    return reduce(or_, each, Q(pk__in=()))


def _callers(operation: DeprecatedOperation, today: date) -> list[DeprecatedCalls]:
    """Of one operation. Two statements."""
    first, week = (today - timedelta(days=days - 1) for days in (MONTH_DAYS, WEEK_DAYS))
    rows: list[Any] = list(
        UsageDay.objects.filter(_calls_of([operation]), day__range=(first, today))
        .values("account_id", "application_id")
        .annotate(
            month=Sum("calls"),
            week=Sum("calls", filter=Q(day__gte=week), default=0),
            last_day=Max("day"),
        )
        .order_by("-month", "account_id", "application_id")[:CALLERS_MAX]
    )
    names = dict(
        Application.objects.filter(
            pk__in=[row["application_id"] for row in rows if row["application_id"]]
        ).values_list("pk", "name")
    )
    return [
        DeprecatedCalls(
            operation=operation, application_name=names.get(row["application_id"], ""), **row
        )
        for row in rows
    ]
