"""How much was called, how well it went, and what is left of today."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from apps.developers.api.v1 import usage_examples as examples
from apps.developers.api.v1.serializers.usage import DAYS_MAX, UsageOut, UsageQuestion
from apps.developers.models import PlanLimit
from apps.developers.selectors import usage
from core.api.refusals import LimitsUnavailableError
from core.api.standing import standing_of
from core.api.throttling import caller_of
from core.api.viewsets import ApiView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.api.viewsets import ApiRequest

DAILY: Final = "daily"  # name of the policy of a plan's daily quota

PARAMETERS = [
    OpenApiParameter(
        "day__gte", OpenApiTypes.DATE, description="First day; default: six days before the last."
    ),
    OpenApiParameter(
        "day__lte",
        OpenApiTypes.DATE,
        description=f"Last day, included; default: today. At most {DAYS_MAX} days.",
    ),
    OpenApiParameter(
        "by", description=f"Some of {', '.join(usage.DIMENSIONS)}; default: day.", default="day"
    ),
    OpenApiParameter(
        "deprecated",
        OpenApiTypes.BOOL,
        description="true: only calls of operations that are deprecated or have been retired.",
    ),
]


class UsageView(ApiView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": "usage:read"}
    query_parameters: ClassVar[frozenset[str]] = frozenset(
        {"day__gte", "day__lte", "by", "deprecated"}
    )

    @extend_schema(
        operation_id="show_usage",
        summary="How much you have called",
        parameters=PARAMETERS,
        responses={200: UsageOut},
        examples=examples.SHOW_USAGE,
        tags=["usage"],
    )
    def get(self, request: ApiRequest) -> Response:
        """Calls, errors, percentiles of latency and units, added up; about two seconds behind.

        A person's answer is about their logins and all their applications, an application's about
        itself. `quota` is that of the credential of this call.
        """
        asked = UsageQuestion(request.query_params.dict(), today=timezone.now().date())
        days = usage.usage_visible_to(
            request.auth, first=asked.first, last=asked.last, deprecated=asked.deprecated
        )
        found = usage.usage_of(days, by=asked.by)
        answer = {
            "first_day": asked.first,
            "last_day": asked.last,
            "by": asked.by,
            "results": found.rows,
            "totals": found.totals,
            "quota": _quota_of(request),
        }
        return Response(UsageOut(answer).data)


def _quota_of(request: ApiRequest) -> list[dict[str, object]] | None:
    """Today's quotas; None while nothing can be counted: the rest is worth an answer."""
    caller = caller_of(request._request, request.auth)  # noqa: SLF001 - DRF's own way to Django's request
    try:
        standing = standing_of(caller, PlanLimit.Work.values)
    except LimitsUnavailableError:
        return None
    return [
        {
            "work": work,
            "daily": state.quota,
            "spent": state.quota - state.remaining,
            "remaining": state.remaining,
        }
        for work, states in standing.items()
        for state in states
        if state.name == DAILY
    ]
