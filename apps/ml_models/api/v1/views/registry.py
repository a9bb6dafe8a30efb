"""Models: everyone who may predict reads them, staff change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.response import Response

from apps.ml_models.api.v1 import examples, examples_registry
from apps.ml_models.api.v1.filters import ModelFilter
from apps.ml_models.api.v1.problems import problem
from apps.ml_models.api.v1.serializers.registry import (
    CreatedModelOut,
    ModelDetailOut,
    ModelIn,
    ModelOut,
    ModelPatchIn,
)
from apps.ml_models.models import ModelVersion, RegisteredModel
from apps.ml_models.selectors import registry
from apps.ml_models.services import registering
from apps.ml_models.services.uploading import Upload
from core.api.conditional import etag_of
from core.api.parsers import StrictJSONParser, StrictMultiPartParser
from core.api.serializers import validated
from core.api.viewsets import ApiViewSet
from core.limits import JSON_MAX_BODY, MULTIPART_OVERHEAD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet
    from rest_framework.serializers import Serializer

    from core.api.viewsets import ApiRequest

Row = TypeVar("Row", RegisteredModel, ModelVersion)

UPLOAD_MAX_BODY = settings.ARTEFACT_MAX_BYTES + 2 * JSON_MAX_BODY + MULTIPART_OVERHEAD
"""Bytes: the artefact, a signature document, what else is said of it, the form around them."""


def headers_of_new(row: RegisteredModel | ModelVersion, location: str) -> dict[str, str]:
    """Where it is read, and its version: that document says more, so it has tags of its own."""
    return {"Location": location, "ETag": etag_of(row)}


class RegistryViewSet(mixins.ListModelMixin, ApiViewSet[Row]):
    """One row shows more than a line of the list, and what is served where."""

    detail_serializer_class: ClassVar[type[Serializer[Any]]]

    def initial(self, request: ApiRequest, *args: Any, **kwargs: Any) -> None:  # type: ignore[override] # noqa: ANN401 - DRF's signature
        """Choose the shape before `fields` chooses from it."""
        if self.operation not in {"list", "create", "metadata"}:
            self.serializer_class = self.detail_serializer_class
        super().initial(request, *args, **kwargs)


@extend_schema_view(
    list=extend_schema(
        operation_id="list_models",
        summary="List models",
        tags=["models"],
        examples=examples.LIST_MODELS,
    ),
)
class ModelViewSet(RegistryViewSet[RegisteredModel]):
    """The models you may call, each with its aliases."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "models:read",
        "retrieve": "models:read",
        "create": "models:write",
        "partial_update": "models:write",
    }
    limit_scope: ClassVar[Mapping[str, str]] = {"create": "upload"}
    max_body: ClassVar[Mapping[str, int]] = {"create": UPLOAD_MAX_BODY}
    parser_classes = [StrictJSONParser, StrictMultiPartParser]
    serializer_class = ModelOut
    detail_serializer_class = ModelDetailOut
    lookup_field = "name"
    lookup_value_regex = "[^/]+"
    filterset_class = ModelFilter
    search_fields = ("name", "description")
    sort_fields: ClassVar[Mapping[str, str]] = {"name": "name", "created_at": "created_at"}
    ordering = ("name", "id")

    def get_queryset(self) -> QuerySet[RegisteredModel]:
        return registry.all_models()

    @extend_schema(
        operation_id="get_model",
        summary="Read a model",
        responses={200: ModelDetailOut},
        examples=examples_registry.MODEL,
        tags=["models"],
    )
    def retrieve(self, request: ApiRequest, name: str) -> Response:
        """One model and its champion: signature, metrics, an example body, and who serves it."""
        return self.answer(registry.model_by_name(name, self.shaped))

    @extend_schema(
        operation_id="create_model",
        summary="Register a model",
        request=ModelIn,
        responses={
            201: CreatedModelOut,
            202: CreatedModelOut,
            **problem(400, "validation_failed", "invalid_name", "artefact_not_accepted"),
            **problem(409, "model_name_taken", "idempotency_in_progress"),
            **problem(413, "artefact_too_large", "body_too_large"),
            **problem(429, "too_many_uploads", "rate_limited"),
        },
        examples=examples.CREATE_MODEL,
        tags=["models"],
    )
    def create(self, request: ApiRequest) -> Response:
        """Register a model; with an `artefact`, upload its first version in the same call.

        201 without an artefact; 202 with one, whose validation then runs in the background. What is
        to be said of the version beside its file comes with POST /models/{name}/versions.
        """
        data = validated(ModelIn, request)
        artefact = data.pop("artefact", None)
        upload = None
        if artefact is not None:
            upload = Upload(artefact.chunks(), data.get("signature"), data["sha256"])
        model, version = registering.register_model_with_upload(
            name=data["name"],
            description=data["description"],
            labels=data.get("tags"),
            upload=upload,
            actor=request.auth,
        )
        document = CreatedModelOut(model, context={"version": version}).data
        code = status.HTTP_201_CREATED if version is None else status.HTTP_202_ACCEPTED
        location = reverse("v1:model-detail", kwargs={"name": model.name})
        return Response(document, status=code, headers=headers_of_new(model, location))

    @extend_schema(
        operation_id="change_model",
        summary="Change a model",
        request=ModelPatchIn,
        responses={200: ModelDetailOut, **problem(400, "invalid_version_facts")},
        examples=examples_registry.CHANGE_MODEL,
        tags=["models"],
    )
    def partial_update(self, request: ApiRequest, name: str) -> Response:
        """Change what is said of a model: its description, its tags.

        Fields that are not sent stay as they are; so do tags that are not named. A tag that is null
        is deleted.
        """
        changes = validated(ModelPatchIn, request)
        registering.describe_model(
            name=name,
            reason=changes.pop("reason", ""),
            changes=changes,
            actor=request.auth,
            check=self.precondition(lambda: registry.model_by_name(name)),
        )
        return self.answer(registry.model_by_name(name, registry.with_champion))
