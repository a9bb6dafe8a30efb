"""The gate, and promotions that two people make."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.response import Response

from apps.ml_models.api.v1 import examples_promotions as examples
from apps.ml_models.api.v1.filters import PromotionFilter
from apps.ml_models.api.v1.problems import problem
from apps.ml_models.api.v1.serializers.promotions import (
    DecisionIn,
    PromotionGateOut,
    PromotionIn,
    PromotionOut,
)
from apps.ml_models.models import CHAMPION, Promotion
from apps.ml_models.selectors import promotions as selectors
from apps.ml_models.services import gating, promoting
from core.api.serializers import validated
from core.api.viewsets import ApiView, ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from core.api.viewsets import ApiRequest

TAGS = ["promotions"]
UNFIT = {
    **problem(409, "promotion_refused", "version_not_ready", "runtime_unavailable"),
    **problem(410, "model_version_retired"),
}
ALIAS = OpenApiParameter(
    "alias",
    OpenApiTypes.STR,
    description=f"Whose gate, that is: which version to compare with; without it {CHAMPION}.",
)


class GateView(ApiView):
    """What stands between a version and an alias."""

    query_parameters = frozenset({"alias"})
    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": "models:read"}

    @extend_schema(
        operation_id="show_model_version_gate",
        summary="Ask the gate",
        parameters=[ALIAS],
        responses={
            200: PromotionGateOut,
            **problem(409, "version_not_ready"),
            **problem(410, "model_version_retired"),
        },
        examples=examples.GATE,
        tags=TAGS,
    )
    def get(self, request: ApiRequest, name: str, number: int) -> Response:
        """Each check with what is wanted and what the version has; nothing is changed by asking."""
        alias = request.query_params.get("alias", CHAMPION)
        report = gating.report_of(model_name=name, number=number, alias=alias)
        return Response(PromotionGateOut(report.to_document()).data)


@extend_schema_view(
    list=extend_schema(
        operation_id="list_model_promotions",
        summary="List promotions",
        examples=examples.LIST_PROMOTIONS,
        tags=TAGS,
    ),
)
class PromotionViewSet(mixins.ListModelMixin, ApiViewSet[Promotion]):
    """Every move of a gated alias, and every wish for one, newest first."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "models:read",
        "retrieve": "models:read",
        "create": "models:write",
        "approve": "models:write",
        "reject": "models:write",
        "withdraw": "models:write",
    }
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"approve", "reject", "withdraw"})
    serializer_class = PromotionOut
    filterset_class = PromotionFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"created_at": "created_at"}
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Promotion]:
        if getattr(self, "swagger_fake_view", False):  # the schema asks without a path
            return Promotion.objects.none()
        return selectors.promotions_of(self.kwargs["name"])

    @extend_schema(
        operation_id="get_model_promotion",
        summary="Read a promotion",
        examples=examples.PROMOTION,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, name: str, pk: UUID) -> Response:
        """Who wanted it and why, what the gate said, who decided."""
        return self.answer(selectors.promotion_for(name, pk, self.shaped))

    @extend_schema(
        operation_id="propose_model_promotion",
        summary="Propose a promotion",
        request=PromotionIn,
        responses={
            201: PromotionOut,
            **problem(400, "validation_failed", "alias_not_gated"),
            **problem(
                409,
                "promotion_refused",
                "promotion_open",
                "same_version",
                "version_not_ready",
                "runtime_unavailable",
                "idempotency_in_progress",
            ),
            **problem(410, "model_version_retired"),
        },
        examples=examples.PROPOSE,
        tags=TAGS,
    )
    def create(self, request: ApiRequest, name: str) -> Response:
        """Ask for a second person; the alias moves when they approve.

        The gate is asked now and again then. Where the policy does not say `four_eyes`, the alias
        can also be moved alone, with PUT.
        """
        data = validated(PromotionIn, request)
        promotion = promoting.propose(
            model_name=name,
            alias=data["alias"],
            number=data["version"],
            actor=request.auth,
            reason=data["reason"],
            override_reason=data["override_reason"],
        )
        location = reverse("v1:model-promotion-detail", kwargs={"name": name, "pk": promotion.pk})
        return self.answer(promotion, status=status.HTTP_201_CREATED, location=location)

    @extend_schema(
        operation_id="approve_model_promotion",
        summary="Approve a promotion",
        request=DecisionIn,
        responses={
            200: PromotionOut,
            **problem(
                409,
                "self_approval",
                "promotion_decided",
                "promotion_refused",
                "version_not_ready",
                "runtime_unavailable",
                "idempotency_in_progress",
            ),
            **problem(410, "model_version_retired"),
        },
        examples=examples.APPROVE,
        tags=TAGS,
    )
    def approve(self, request: ApiRequest, name: str, pk: UUID) -> Response:
        """Let it happen, as another person than the proposer. The gate is asked again."""
        return self._answer_decided(promoting.approve, request, name, pk)

    @extend_schema(
        operation_id="reject_model_promotion",
        summary="Reject a promotion",
        request=DecisionIn,
        responses={
            200: PromotionOut,
            **problem(409, "self_approval", "promotion_decided", "idempotency_in_progress"),
        },
        examples=examples.REJECT,
        tags=TAGS,
    )
    def reject(self, request: ApiRequest, name: str, pk: UUID) -> Response:
        """Decide against it, as another person than the proposer; the alias stays."""
        return self._answer_decided(promoting.reject, request, name, pk)

    @extend_schema(
        operation_id="withdraw_model_promotion",
        summary="Withdraw a promotion",
        request=DecisionIn,
        responses={
            200: PromotionOut,
            **problem(409, "promotion_decided", "idempotency_in_progress"),
        },
        examples=examples.WITHDRAW,
        tags=TAGS,
    )
    def withdraw(self, request: ApiRequest, name: str, pk: UUID) -> Response:
        """Take it back: the proposer, or somebody else of the staff while they are away."""
        return self._answer_decided(promoting.withdraw, request, name, pk)

    def _answer_decided(
        self, decide: Callable[..., Promotion], request: ApiRequest, name: str, pk: UUID
    ) -> Response:
        promotion = decide(
            model_name=name,
            promotion_id=pk,
            actor=request.auth,
            reason=validated(DecisionIn, request)["reason"],
            check=self.precondition(lambda: selectors.promotion_for(name, pk)),
        )
        return self.answer(promotion)
