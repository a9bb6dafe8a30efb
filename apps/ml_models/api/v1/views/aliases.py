"""Aliases: movable names for versions. Everyone who may predict reads them, staff move them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from apps.ml_models.api.v1 import examples_rollouts as examples
from apps.ml_models.api.v1.problems import problem
from apps.ml_models.api.v1.serializers.aliases import AliasIn
from apps.ml_models.api.v1.serializers.rollouts import AliasDetailOut
from apps.ml_models.selectors import registry
from apps.ml_models.selectors.rollouts import progress_of
from apps.ml_models.services import aliasing
from core.api.serializers import validated
from core.api.viewsets import ApiView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.ml_models.models import ModelAlias
    from core.api.viewsets import ApiRequest


class AliasView(ApiView):
    """A movable name for a version. Promotion and rollback are the same call."""

    has_etag = True
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"put", "delete"})
    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "get": "models:read",
        "put": "models:write",
        "delete": "models:write",
    }

    def variant_of(self, row: ModelAlias) -> str:
        """A rollout that goes on changes the document, and is nobody's change of the alias."""
        return progress_of(row)

    @extend_schema(
        operation_id="get_model_alias",
        summary="Read an alias",
        responses={200: AliasDetailOut},
        examples=examples.ALIAS,
        tags=["models"],
    )
    def get(self, request: ApiRequest, name: str, alias: str) -> Response:
        """Where an alias points, and how far its last move is.

        Its ETag can be sent as `If-Match` when it is moved.
        """
        return Response(AliasDetailOut(self.conditional(registry.alias_by_name(name, alias))).data)

    @extend_schema(
        operation_id="set_model_alias",
        summary="Point an alias at a version",
        request=AliasIn,
        responses={
            200: AliasDetailOut,
            **problem(
                409,
                "version_not_ready",
                "runtime_unavailable",
                "over_budget",
                "promotion_refused",
                "approval_required",
            ),
            **problem(410, "model_version_retired"),
        },
        examples=examples.SET_ALIAS,
        tags=["models"],
    )
    def put(self, request: ApiRequest, name: str, alias: str) -> Response:
        """Promote a version: live in every process at once when all have it warm, within 2 s.

        Until then, and for good when one cannot load it, callers get the version before; `rollout`
        says how far it is, and why it failed. No call is refused meanwhile.

        The version must be ready (409 `version_not_ready`), one that web processes can run (409
        `runtime_unavailable`), and fit into their memory beside the present one (409
        `over_budget`). With `If-Match` the alias moves only from where you saw it (412).
        `champion` has a gate: what fails there is 409 `promotion_refused`, unless
        `override_reason` says why it does not count; where the policy says `four_eyes`, it is 409
        `approval_required`.
        """
        data = validated(AliasIn, request)
        moved = aliasing.set_alias(
            model_name=name,
            alias=alias,
            number=data["version"],
            actor=request.auth,
            reason=data["reason"],
            override_reason=data["override_reason"],
            check=self.precondition(lambda: registry.find_alias(name, alias)),
        )
        return Response(AliasDetailOut(self.conditional(moved)).data)

    @extend_schema(
        operation_id="delete_model_alias",
        summary="Delete an alias",
        responses={
            204: None,
            **problem(409, "default_model_needs_champion"),
        },
        tags=["models"],
    )
    def delete(self, request: ApiRequest, name: str, alias: str) -> HttpResponse:
        """Remove an alias; calls by it answer 404 from then on."""
        aliasing.delete_alias(
            model_name=name,
            alias=alias,
            actor=request.auth,
            check=self.precondition(lambda: registry.alias_by_name(name, alias)),
        )
        return HttpResponse(status=status.HTTP_204_NO_CONTENT)
