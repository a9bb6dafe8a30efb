"""Rollouts: how far each move of an alias is, and going back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.response import Response

from apps.ml_models.api.v1 import examples_rollouts as examples
from apps.ml_models.api.v1.filters_rollouts import RolloutFilter
from apps.ml_models.api.v1.problems import problem
from apps.ml_models.api.v1.serializers.rollouts import AliasDetailOut, RollbackIn, RolloutOut
from apps.ml_models.models import Rollout
from apps.ml_models.selectors import registry
from apps.ml_models.selectors import rollouts as selectors
from apps.ml_models.services import rolling
from core.api.serializers import validated
from core.api.viewsets import ApiView, ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from apps.ml_models.models import ModelAlias
    from core.api.viewsets import ApiRequest


@extend_schema_view(
    list=extend_schema(
        operation_id="list_model_rollouts",
        summary="List rollouts",
        examples=examples.LIST_ROLLOUTS,
        tags=["models"],
    ),
)
class RolloutViewSet(mixins.ListModelMixin, ApiViewSet[Rollout]):
    """Every move of a model's aliases, newest first: who, why, how far, and why not."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "models:read",
        "retrieve": "models:read",
    }
    serializer_class = RolloutOut
    filterset_class = RolloutFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"created_at": "created_at"}
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Rollout]:
        if getattr(self, "swagger_fake_view", False):  # the schema asks without a path
            return Rollout.objects.none()
        return selectors.rollouts_of(self.kwargs["name"])

    @extend_schema(
        operation_id="get_model_rollout",
        summary="Read a rollout",
        examples=examples.ROLLOUT,
        tags=["models"],
    )
    def retrieve(self, request: ApiRequest, name: str, pk: UUID) -> Response:
        """One move of an alias. While it loads, callers get `previous`, and no call is refused."""
        return self.answer(selectors.rollout_by_id(name, pk, self.shaped))


class RollbackView(ApiView):
    """Going back to the version before."""

    has_etag = frozenset({"post"})
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"post"})
    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": "models:write"}

    def variant_of(self, row: ModelAlias) -> str:
        """As where the alias is read."""
        return selectors.progress_of(row)

    @extend_schema(
        operation_id="roll_back_model_alias",
        summary="Roll back an alias",
        request=RollbackIn,
        responses={
            200: AliasDetailOut,
            **problem(409, "no_previous_version", "over_budget", "idempotency_in_progress"),
        },
        examples=examples.ROLL_BACK,
        tags=["models"],
    )
    def post(self, request: ApiRequest, name: str, alias: str) -> Response:
        """Have the version before answer again: at once while it is kept warm, and without a gate.

        A promotion that is not live yet is called off. With `If-Match` the alias moves only from
        where you saw it (412). After a rollback the version before is the one before that, never
        the one you left: promote that again when it is mended.
        """
        data = validated(RollbackIn, request)
        moved = rolling.roll_back(
            model_name=name,
            alias=alias,
            actor=request.auth,
            reason=data["reason"],
            check=self.precondition(lambda: registry.alias_by_name(name, alias)),
        )
        return Response(AliasDetailOut(self.conditional(moved)).data)
