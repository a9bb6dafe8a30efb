"""The versions of a model: uploaded, looked at, described, taken out of use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.response import Response

from apps.ml_models.api.v1 import examples, examples_registry
from apps.ml_models.api.v1.filters import VersionFilter
from apps.ml_models.api.v1.problems import problem
from apps.ml_models.api.v1.serializers.registry import (
    GoldenOut,
    RetireIn,
    TransitionOut,
    VersionIn,
    VersionOut,
    VersionPatchIn,
    VersionSummaryOut,
)
from apps.ml_models.api.v1.views.registry import UPLOAD_MAX_BODY, RegistryViewSet, headers_of_new
from apps.ml_models.models import ModelVersion, VersionTransition
from apps.ml_models.selectors import cards, golden, registry
from apps.ml_models.services import cards as card_services
from apps.ml_models.services import retiring, uploading
from apps.ml_models.services.knowledge import Knowledge
from core.api.parsers import StrictMultiPartParser
from core.api.serializers import validated
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet

    from core.api.viewsets import ApiRequest

BESIDE_KNOWLEDGE = frozenset({"artefact", "signature", "sha256"})


@extend_schema_view(
    list=extend_schema(
        operation_id="list_model_versions",
        summary="List a model's versions",
        tags=["models"],
        responses={200: VersionSummaryOut(many=True)},
        examples=examples.LIST_VERSIONS,
    ),
)
class VersionViewSet(RegistryViewSet[ModelVersion]):
    """The numbered versions of a model. A ready one never changes."""

    has_etag = frozenset({"create"})
    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "models:read",
        "create": "models:write",
    }
    limit_scope: ClassVar[Mapping[str, str]] = {"create": "upload"}
    max_body: ClassVar[Mapping[str, int]] = {"create": UPLOAD_MAX_BODY}
    parser_classes = [StrictMultiPartParser]
    serializer_class = VersionSummaryOut
    filterset_class = VersionFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"version": "number", "created_at": "created_at"}
    ordering = ("-number", "-id")

    def get_queryset(self) -> QuerySet[ModelVersion]:
        if getattr(self, "swagger_fake_view", False):  # the schema asks without a path
            return ModelVersion.objects.none()
        return registry.versions_of(self.kwargs["name"])

    @extend_schema(
        operation_id="upload_model_version",
        summary="Upload a version",
        request=VersionIn,
        responses={
            200: VersionSummaryOut,
            202: VersionSummaryOut,
            **problem(
                400,
                "validation_failed",
                "artefact_not_accepted",
                "invalid_features",
                "invalid_version_facts",
            ),
            **problem(413, "artefact_too_large", "body_too_large"),
            **problem(429, "too_many_uploads", "rate_limited"),
        },
        examples=examples.UPLOAD,
        tags=["models"],
    )
    def create(self, request: ApiRequest, name: str) -> Response:
        """Upload a `.keras` file as the model's next version, with what is known of it.

        Its validation runs in the background, in a process with limits: follow `Location` until
        `state` is `ready` or `rejected`; a rejected version says why. The same file with the same
        words again is the version that there is: 200 when it is ready, else 202.
        """
        data = validated(VersionIn, request)
        said = {field: value for field, value in data.items() if field not in BESIDE_KNOWLEDGE}
        version = uploading.upload_version(
            model_name=name,
            chunks=data["artefact"].chunks(),
            signature=data.get("signature"),
            sha256=data["sha256"],
            knowledge=Knowledge(**said),
            actor=request.auth,
        )
        is_ready = version.state == ModelVersion.State.READY
        location = reverse(
            "v1:model-version-detail", kwargs={"name": name, "number": version.number}
        )
        return Response(
            VersionSummaryOut(version).data,
            status=status.HTTP_200_OK if is_ready else status.HTTP_202_ACCEPTED,
            headers=headers_of_new(version, location),
        )


class VersionDetailViewSet(RegistryViewSet[ModelVersion]):
    """One version. What it computes never changes once it is ready; what is said of it may."""

    has_etag = frozenset({"golden"})
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"retire"})
    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "retrieve": "models:read",
        "golden": "models:read",
        "partial_update": "models:write",
        "retire": "models:write",
    }
    serializer_class = VersionSummaryOut
    detail_serializer_class = VersionOut

    def get_queryset(self) -> QuerySet[ModelVersion]:
        return ModelVersion.objects.none()  # for the schema; the methods name their version

    @extend_schema(
        operation_id="get_model_version",
        summary="Read a version",
        responses={200: VersionOut},
        examples=examples_registry.VERSION,
        tags=["models"],
    )
    def retrieve(self, request: ApiRequest, name: str, number: int) -> Response:
        """One version: signature, figures, card, origin, files, and how far the processes are."""
        return self.answer(registry.version_by_number(name, number, self.shaped))

    @extend_schema(
        operation_id="change_model_version",
        summary="Describe a version",
        request=VersionPatchIn,
        responses={200: VersionOut, **problem(400, "invalid_version_facts")},
        examples=examples_registry.CHANGE_VERSION,
        tags=["models"],
    )
    def partial_update(self, request: ApiRequest, name: str, number: int) -> Response:
        """Change what is said of a version in any state: its description, model card, tags.

        Fields that are not sent stay as they are; so do tags that are not named. A tag that is null
        is deleted. Artefact, metrics and origin cannot be changed.
        """
        changes = validated(VersionPatchIn, request)
        card_services.edit_card(
            model_name=name,
            number=number,
            reason=changes.pop("reason", ""),
            changes=changes,
            actor=request.auth,
            check=self.precondition(lambda: registry.version_by_number(name, number)),
        )
        return self.answer(registry.version_by_number(name, number))

    @extend_schema(
        operation_id="retire_model_version",
        summary="Retire a version",
        request=RetireIn,
        responses={
            200: VersionOut,
            **problem(409, "version_in_use", "version_not_ready", "idempotency_in_progress"),
        },
        examples=examples_registry.RETIRE,
        tags=["models"],
    )
    def retire(self, request: ApiRequest, name: str, number: int) -> Response:
        """Take a version out of use for good: calls of it answer 410 from then on.

        409 while an alias, a rollout that loads, a canary, a shadow or an open promotion names it;
        `uses` says which. Batch predictions that are pinned to it still finish.
        """
        data = validated(RetireIn, request)
        retiring.retire_version(
            model_name=name,
            number=number,
            reason=data["reason"],
            actor=request.auth,
            now=timezone.now(),
            check=self.precondition(lambda: registry.version_by_number(name, number)),
        )
        return self.answer(registry.version_by_number(name, number))

    @extend_schema(
        operation_id="get_model_version_golden_set",
        summary="Read a version's golden set",
        responses={200: GoldenOut, **problem(409, "version_not_ready")},
        examples=examples_registry.GOLDEN,
        tags=["models"],
    )
    def golden(self, request: ApiRequest, name: str, number: int) -> Response:
        """Made-up rows and what TensorFlow answered: each load is held against them.

        To check an integration, send `instances` as the `features` of a call and compare. Of a
        large set the first rows are shown.
        """
        version = self.conditional(registry.version_by_number(name, number), variant="golden")
        return Response(GoldenOut(golden.golden_of(version)).data)


@extend_schema_view(
    list=extend_schema(
        operation_id="list_model_version_transitions",
        summary="List a version's moves",
        tags=["models"],
        responses={200: TransitionOut(many=True)},
        examples=examples_registry.TRANSITIONS,
    ),
)
class TransitionViewSet(mixins.ListModelMixin, ApiViewSet[VersionTransition]):
    """What became of a version, oldest first: who moved it between states, when and why."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"list": "models:read"}
    serializer_class = TransitionOut
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):  # the schema asks without a path
            return VersionTransition.objects.none()
        return cards.transitions_of(self.kwargs["name"], self.kwargs["number"])
