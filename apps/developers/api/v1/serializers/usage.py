"""Usage: what is asked for, and the sums that answer it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from rest_framework import serializers

from apps.developers.selectors.usage import DIMENSIONS, UsageRow
from core.api.refusals import InvalidParameterError
from core.api.serializers import OutputSerializer
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Mapping

DAYS_MAX: Final = 92  # of one question: a quarter of a year
DAYS_DEFAULT: Final = 7


class UsageQuestion:
    """The query parameters, checked.

    Attributes:
        first, last: days, both included.
        by: names of DIMENSIONS, in their order.
        deprecated: only calls of what is deprecated, or only the others; None: all.

    Raises:
        InvalidParameterError: naming the parameter.
    """

    def __init__(self, parameters: Mapping[str, str], *, today: date) -> None:
        self.last = _day(parameters, "day__lte") or today
        self.first = _day(parameters, "day__gte") or _back(self.last, DAYS_DEFAULT - 1)
        if self.first > self.last:
            raise _invalid("day__gte", "day__gte lies after day__lte.")
        if (self.last - self.first).days >= DAYS_MAX:
            raise _invalid("day__gte", f"At most {DAYS_MAX} days can be asked for at once.")
        self.by = _dimensions(parameters.get("by", "day"))
        self.deprecated = _flag(parameters, "deprecated")


def _day(parameters: Mapping[str, str], name: str) -> date | None:
    text = parameters.get(name)
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _invalid(name, f"{name} is a day, e.g. 2026-03-01.") from None


def _flag(parameters: Mapping[str, str], name: str) -> bool | None:
    text = parameters.get(name)
    if text not in {None, "true", "false"}:
        raise _invalid(name, f"{name} is either true or false.")
    return None if text is None else text == "true"


def _back(day: date, days: int) -> date:
    return day - timedelta(days=min(days, (day - date.min).days))


def _dimensions(text: str) -> list[str]:
    wanted = text.split(",")
    if len(set(wanted)) != len(wanted) or not set(wanted) <= DIMENSIONS.keys():
        raise _invalid("by", f"by takes {', '.join(DIMENSIONS)}, each once, with commas between.")
    return [name for name in DIMENSIONS if name in wanted]


def _invalid(parameter: str, detail: str) -> InvalidParameterError:
    return InvalidParameterError(
        detail, errors=(FieldError("invalid", detail, parameter=parameter),)
    )


class UsageSumsOut(OutputSerializer[UsageRow]):
    calls = serializers.IntegerField()
    client_errors = serializers.IntegerField(help_text="Answered 4xx.")
    server_errors = serializers.IntegerField(help_text="Answered 5xx.")
    error_rate = serializers.FloatField(help_text="Share of either, 0 to 1.")
    units = serializers.IntegerField(help_text="Spent of the limits.")
    p50_ms = serializers.FloatField(allow_null=True, help_text="Half were as fast; within 5 %.")
    p95_ms = serializers.FloatField(allow_null=True, help_text="95 of 100 were; within 5 %.")
    p99_ms = serializers.FloatField(allow_null=True, help_text="99 of 100 were; within 5 %.")

    def to_representation(self, instance: UsageRow) -> dict[str, Any]:
        return {
            **instance.key,
            **instance.sums,
            "error_rate": instance.error_rate,
            "p50_ms": instance.latency_ms(0.50),
            "p95_ms": instance.latency_ms(0.95),
            "p99_ms": instance.latency_ms(0.99),
        }


class UsageRowOut(UsageSumsOut):
    """What the rows are grouped by comes first; other groupings' members are not there."""

    day = serializers.DateField(required=False, help_text="By day: UTC.")
    application_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="By application; null: a person's own logins."
    )
    method = serializers.CharField(required=False, help_text="By route.")
    route = serializers.CharField(required=False, help_text="By route: as in this schema.")
    sunset = serializers.DateField(
        required=False,
        allow_null=True,
        help_text="By route: when it will be gone, or went (UTC); null: it is not deprecated.",
    )
    work = serializers.CharField(required=False, help_text="By work: class of work.")


class QuotaOut(OutputSerializer[Any]):
    work = serializers.CharField(help_text="Class of work.")
    daily = serializers.IntegerField(help_text="Units a day.")
    spent = serializers.IntegerField(help_text="Of today's.")
    remaining = serializers.IntegerField(help_text="Until midnight UTC.")


class UsageOut(OutputSerializer[Any]):
    first_day = serializers.DateField()
    last_day = serializers.DateField(help_text="Included.")
    by = serializers.ListField(child=serializers.CharField())
    results = UsageRowOut(many=True)
    totals = UsageSumsOut()
    quota = QuotaOut(
        many=True,
        allow_null=True,
        help_text="Of this credential, today, where a plan has a daily quota; null: unknown now.",
    )
