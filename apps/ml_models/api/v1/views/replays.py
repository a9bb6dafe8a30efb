"""Replays: what a promotion would change, by the calls that were logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status

from apps.ml_models.api.v1 import examples_promotions as examples
from apps.ml_models.api.v1.filters import ReplayFilter
from apps.ml_models.api.v1.problems import problem
from apps.ml_models.api.v1.serializers.replays import ReplayDetailOut, ReplayIn, ReplayOut
from apps.ml_models.models import Replay
from apps.ml_models.selectors import replays as selectors
from apps.ml_models.services import replaying
from core.api.serializers import validated
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet
    from rest_framework.response import Response

    from core.api.viewsets import ApiRequest

TAGS = ["promotions"]
MAY_SEE_ROWS = "models:write"
"""What people sent is for those who decide on models, not for everyone who may read of them."""


@extend_schema_view(
    list=extend_schema(
        operation_id="list_model_replays",
        summary="List replays",
        responses={200: ReplayOut(many=True)},
        examples=examples.LIST_REPLAYS,
        tags=TAGS,
    ),
)
class ReplayViewSet(mixins.ListModelMixin, ApiViewSet[Replay]):
    """Logged calls run through two versions of a model, newest first."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "models:read",
        "retrieve": "models:read",
        "create": "models:write",
    }
    limit_scope: ClassVar[Mapping[str, str]] = {"create": "batch"}
    serializer_class = ReplayOut
    filterset_class = ReplayFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"created_at": "created_at"}
    ordering = ("-created_at", "-id")

    def initial(self, request: ApiRequest, *args: Any, **kwargs: Any) -> None:  # type: ignore[override] # noqa: ANN401 - DRF's signature
        """Choose the shape before `fields` chooses from it."""
        if self.operation == "retrieve":
            self.serializer_class = ReplayDetailOut
        super().initial(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Replay]:
        if getattr(self, "swagger_fake_view", False):  # the schema asks without a path
            return Replay.objects.none()
        return selectors.replays_of(self.kwargs["name"])

    @extend_schema(
        operation_id="get_model_replay",
        summary="Read a replay",
        responses={200: ReplayDetailOut},
        examples=examples.REPLAY,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, name: str, pk: UUID) -> Response:
        """How many decisions would change, how far the scores are apart, and in which rows."""
        replay = selectors.replay_for(name, pk, self.shaped)
        if self.selection.has("most_different"):
            rows = selectors.most_different_of(
                replay, may_see_rows=MAY_SEE_ROWS in request.auth.scopes
            )
            replay.most_different = rows  # type: ignore[attr-defined] # for the serializer
        return self.answer(replay)

    @extend_schema(
        operation_id="start_model_replay",
        summary="Start a replay",
        request=ReplayIn,
        responses={
            202: ReplayOut,
            **problem(404, "model_not_found", "model_version_not_found", "model_alias_not_found"),
            **problem(409, "nothing_to_replay", "version_not_ready", "idempotency_in_progress"),
            **problem(410, "model_version_retired"),
        },
        examples=examples.START_REPLAY,
        tags=TAGS,
    )
    def create(self, request: ApiRequest, name: str) -> Response:
        """Run the newest logged calls through a version and the champion, in the background.

        Follow `Location` until `state` is `succeeded` or `failed`; it takes seconds. While one of
        the same two versions waits or runs, it is that one which is answered.
        """
        data = validated(ReplayIn, request)
        replay = replaying.start_replay(
            model_name=name,
            number=data["version"],
            against=data["against"],
            calls=data["calls"],
            actor=request.auth,
        )
        location = reverse("v1:model-replay-detail", kwargs={"name": name, "pk": replay.pk})
        return self.answer(replay, status=status.HTTP_202_ACCEPTED, location=location)
