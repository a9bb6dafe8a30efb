"""What a caller may still do: asking costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.developers.api.v1 import examples
from apps.developers.api.v1.serializers.limits import LimitsOut
from apps.developers.models import PlanLimit
from apps.developers.selectors.plans import plan_shown
from core.api.standing import free_of_charge, standing_of
from core.api.throttling import caller_of
from core.api.viewsets import ApiView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.api.viewsets import ApiRequest

WORK = PlanLimit.Work


class LimitsView(ApiView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": None}
    spends_in_handler = True  # or rather, it does not

    @extend_schema(
        operation_id="show_limits",
        summary="What your limits are, and how much is left",
        responses={200: LimitsOut},
        examples=examples.SHOW_LIMITS,
        tags=["limits"],
    )
    def get(self, request: ApiRequest) -> Response:
        """The limits that this credential is counted under. The call itself is not counted.

        An application has limits of its own, apart from those of its owner's logins. The headers
        are those of ordinary calls. 503 `limits_unavailable` when nothing can be counted.
        """
        caller = caller_of(request._request, request.auth)  # noqa: SLF001 - DRF's own way to Django's request
        standing = standing_of(caller, WORK.values)
        self.decision = free_of_charge(standing[WORK.DEFAULT])
        limits = [
            {"work": work.value, "title": work.label, "policies": standing[work]} for work in WORK
        ]
        plan = plan_shown(request.auth.plan)
        return Response(LimitsOut({"plan": plan, "limits": limits}).data)
