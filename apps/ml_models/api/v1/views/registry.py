"""Models, versions and aliases: everyone who may predict reads them, staff change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.response import Response

from apps.ml_models.api.v1 import examples
from apps.ml_models.api.v1.filters import ModelFilter, VersionFilter
from apps.ml_models.api.v1.problems import problem
from apps.ml_models.api.v1.serializers.registry import (
    AliasIn,
    AliasOut,
    CreatedModelOut,
    ModelDetailOut,
    ModelIn,
    ModelOut,
    VersionIn,
    VersionOut,
    VersionSummaryOut,
)
from apps.ml_models.models import ModelVersion, RegisteredModel
from apps.ml_models.selectors import registry
from apps.ml_models.services import aliasing, registering
from core.api.conditional import etag_of
from core.api.parsers import StrictJSONParser, StrictMultiPartParser
from core.api.serializers import validated
from core.api.viewsets import ApiView, ApiViewSet
from core.limits import JSON_MAX_BODY, MULTIPART_OVERHEAD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet
    from rest_framework.serializers import Serializer

    from core.api.viewsets import ApiRequest

Row = TypeVar("Row", RegisteredModel, ModelVersion)

UPLOAD_MAX_BODY = settings.ARTEFACT_MAX_BYTES + JSON_MAX_BODY + MULTIPART_OVERHEAD
"""Bytes: the artefact, a signature document, the form around them."""


def _headers_of_new(row: RegisteredModel | ModelVersion, location: str) -> dict[str, str]:
    """Where it is read, and its version: that document says more, so it has tags of its own."""
    return {"Location": location, "ETag": etag_of(row)}


class RegistryViewSet(mixins.ListModelMixin, ApiViewSet[Row]):
    """One row shows more than a line of the list, and what is served where."""

    detail_serializer_class: ClassVar[type[Serializer[Any]]]

    def initial(self, request: ApiRequest, *args: Any, **kwargs: Any) -> None:  # type: ignore[override] # noqa: ANN401 - DRF's signature
        """Choose the shape before `fields` chooses from it."""
        if self.operation == "retrieve":
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
        examples=examples.MODEL,
        tags=["models"],
    )
    def retrieve(self, request: ApiRequest, name: str) -> Response:
        """One model and its champion: signature, metrics, an example body, and who serves it."""
        model = registry.model_by_name(name, self.shaped)
        if self.selection.has("champion"):
            champion = registry.champion_of(model)
            if champion is not None:
                champion.serving = registry.served_states(champion)  # type: ignore[attr-defined] # for the serializer
            model.champion = champion  # type: ignore[attr-defined] # likewise
        return self.answer(model)

    @extend_schema(
        operation_id="create_model",
        summary="Register a model",
        request=ModelIn,
        responses={
            201: CreatedModelOut,
            202: CreatedModelOut,
            **problem(409, "model_name_taken", "idempotency_in_progress"),
        },
        examples=examples.CREATE_MODEL,
        tags=["models"],
    )
    def create(self, request: ApiRequest) -> Response:
        """Register a model; with an `artefact`, upload its first version in the same call.

        201 without an artefact; 202 with one, whose validation then runs in the background.
        """
        data = validated(ModelIn, request)
        artefact = data.pop("artefact", None)
        model, version = registering.register_model_with_upload(
            name=data["name"],
            description=data["description"],
            chunks=None if artefact is None else artefact.chunks(),
            signature=data.get("signature"),
            sha256=data["sha256"],
            actor=request.auth,
        )
        document = CreatedModelOut(model, context={"version": version}).data
        code = status.HTTP_201_CREATED if version is None else status.HTTP_202_ACCEPTED
        location = reverse("v1:model-detail", kwargs={"name": model.name})
        return Response(document, status=code, headers=_headers_of_new(model, location))


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

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "models:read",
        "retrieve": "models:read",
        "create": "models:write",
    }
    limit_scope: ClassVar[Mapping[str, str]] = {"create": "upload"}
    max_body: ClassVar[Mapping[str, int]] = {"create": UPLOAD_MAX_BODY}
    parser_classes = [StrictMultiPartParser]
    serializer_class = VersionSummaryOut
    detail_serializer_class = VersionOut
    filterset_class = VersionFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"version": "number", "created_at": "created_at"}
    ordering = ("-number", "-id")

    def get_queryset(self) -> QuerySet[ModelVersion]:
        if getattr(self, "swagger_fake_view", False):  # the schema asks without a path
            return ModelVersion.objects.none()
        return registry.versions_of(self.kwargs["name"])

    @extend_schema(
        operation_id="get_model_version",
        summary="Read a version",
        responses={200: VersionOut},
        examples=examples.VERSION,
        tags=["models"],
    )
    def retrieve(self, request: ApiRequest, name: str, number: int) -> Response:
        """One version with its signature, metrics, an example, and how far the processes are."""
        version = registry.version_by_number(name, number, self.shaped)
        if self.selection.has("serving"):
            version.serving = registry.served_states(version)  # type: ignore[attr-defined] # for the serializer
        return self.answer(version)

    @extend_schema(
        operation_id="upload_model_version",
        summary="Upload a version",
        request=VersionIn,
        responses={202: VersionSummaryOut},
        examples=examples.UPLOAD,
        tags=["models"],
    )
    def create(self, request: ApiRequest, name: str) -> Response:
        """Upload a `.keras` file as the model's next version.

        Its validation runs in the background, in a process with limits: follow `Location` until
        `state` is `ready` or `rejected`; a rejected version says why.
        """
        data = validated(VersionIn, request)
        version = registering.upload_version(
            model_name=name,
            chunks=data["artefact"].chunks(),
            signature=data.get("signature"),
            sha256=data["sha256"],
            actor=request.auth,
        )
        location = reverse(
            "v1:model-version-detail", kwargs={"name": name, "number": version.number}
        )
        return Response(
            VersionSummaryOut(version).data,
            status=status.HTTP_202_ACCEPTED,
            headers=_headers_of_new(version, location),
        )


class AliasView(ApiView):
    """A movable name for a version. Promotion and rollback are the same call."""

    has_etag = True
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"put", "delete"})
    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "get": "models:read",
        "put": "models:write",
        "delete": "models:write",
    }

    @extend_schema(
        operation_id="get_model_alias",
        summary="Read an alias",
        responses={200: AliasOut},
        examples=examples.ALIAS,
        tags=["models"],
    )
    def get(self, request: ApiRequest, name: str, alias: str) -> Response:
        """Where an alias points; its ETag can be sent as `If-Match` when it is moved."""
        return Response(AliasOut(self.conditional(registry.alias_by_name(name, alias))).data)

    @extend_schema(
        operation_id="set_model_alias",
        summary="Point an alias at a version",
        request=AliasIn,
        responses={
            200: AliasOut,
            **problem(409, "version_not_ready", "runtime_unavailable"),
            **problem(410, "model_version_retired"),
        },
        examples=examples.SET_ALIAS,
        tags=["models"],
    )
    def put(self, request: ApiRequest, name: str, alias: str) -> Response:
        """Promote a version, or roll back: live for every caller within 2 s, no call refused.

        The version must be ready (409 `version_not_ready`) and one that web processes can run (409
        `runtime_unavailable`). With `If-Match` the alias moves only from where you saw it (412).
        """
        data = validated(AliasIn, request)
        moved = aliasing.set_alias(
            model_name=name,
            alias=alias,
            number=data["version"],
            actor=request.auth,
            reason=data["reason"],
            check=self.precondition(lambda: registry.find_alias(name, alias)),
        )
        return Response(AliasOut(self.conditional(moved)).data)

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
