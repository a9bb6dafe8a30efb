"""A model's policy: everyone who may predict reads it, staff change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.ml_models.api.v1 import examples_promotions as examples
from apps.ml_models.api.v1.problems import problem
from apps.ml_models.api.v1.serializers.policies import ModelPolicyOut, ModelPolicyPatchIn
from apps.ml_models.selectors import promotions as selectors
from apps.ml_models.services import policies
from core.api.serializers import validated
from core.api.viewsets import ApiView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.api.viewsets import ApiRequest


class PolicyView(ApiView):
    """How a model is promoted, decided by and logged."""

    has_etag = True
    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "get": "models:read",
        "patch": "models:write",
    }

    @extend_schema(
        operation_id="get_model_policy",
        summary="Read a model's policy",
        responses={200: ModelPolicyOut},
        examples=examples.POLICY,
        tags=["models"],
    )
    def get(self, request: ApiRequest, name: str) -> Response:
        """What the gate asks for, what decides, what is logged; defaults where nobody has said."""
        policy = self.conditional(selectors.policy_by_name(name))
        return Response(ModelPolicyOut(policy).data)

    @extend_schema(
        operation_id="change_model_policy",
        summary="Change a model's policy",
        request=ModelPolicyPatchIn,
        responses={200: ModelPolicyOut, **problem(409, "idempotency_in_progress")},
        examples=examples.CHANGE_POLICY,
        tags=["models"],
    )
    def patch(self, request: ApiRequest, name: str) -> Response:
        """Change some fields; every process decides and logs by them within 2 s.

        `four_eyes: false` needs two people: the first is shown in `four_eyes_off_by`, the second
        ends it.
        """
        changes = validated(ModelPolicyPatchIn, request)
        reason = changes.pop("reason")
        policy = policies.change_policy(
            model_name=name,
            changes=changes,
            actor=request.auth,
            reason=reason,
            check=self.precondition(lambda: selectors.policy_by_name(name)),
        )
        return Response(ModelPolicyOut(self.conditional(policy)).data)
