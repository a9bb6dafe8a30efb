"""`registered-models/…`: names, descriptions, tags, aliases, search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from apps.ml_models.api.mlflow.base import MlflowView, Sent, answer
from apps.ml_models.api.mlflow.filters import models_where
from apps.ml_models.api.mlflow.paging import page_of
from apps.ml_models.api.mlflow.shapes import model_document, version_document
from apps.ml_models.errors.mlflow import NotSupportedError
from apps.ml_models.selectors import mlflow
from apps.ml_models.services import aliasing, registering, tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpResponse

    from core.api.viewsets import ApiRequest

READ: Final = "models:read"
WRITE: Final = "models:write"

DESCRIPTION_MAX: Final = 2_000  # characters
REASON: Final = "Asked for by an MLflow client."
ORDERS: Final = {
    "name": "name",
    "creation_timestamp": "created_at",
    "timestamp": "updated_at",
    "last_updated_timestamp": "updated_at",
}


def shown(name: str) -> HttpResponse:
    return answer({"registered_model": model_document(mlflow.shown_model(name))})


class CreateModelView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": WRITE}

    def post(self, request: ApiRequest) -> HttpResponse:
        """Register a model with its description and tags."""
        sent = Sent.of(request)
        name = sent.text("name")
        registering.register_model(
            name=name,
            description=sent.maybe("description", at_most=DESCRIPTION_MAX),
            labels=sent.tags(),
            actor=request.auth,
        )
        return shown(name)


class GetModelView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": READ}

    def get(self, request: ApiRequest) -> HttpResponse:
        """One model with its newest version."""
        return shown(Sent.of(request).text("name"))


class SearchModelsView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": READ}

    def get(self, request: ApiRequest) -> HttpResponse:
        """Models by MLflow's filter language."""
        where = models_where(Sent.of(request).maybe("filter", at_most=2_000))
        found, more = page_of(
            request,
            mlflow.shown_models().filter(where),
            orders=ORDERS,
            default=("name",),
            shape=model_document,
        )
        return answer({"registered_models": found, **more})


class UpdateModelView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"patch": WRITE}

    def patch(self, request: ApiRequest) -> HttpResponse:
        """Another description."""
        sent = Sent.of(request)
        name = sent.text("name")
        description = sent.maybe("description", at_most=DESCRIPTION_MAX)
        registering.describe_model(
            name=name, changes={"description": description}, actor=request.auth
        )
        return shown(name)


class RenameModelView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": WRITE}

    def post(self, request: ApiRequest) -> HttpResponse:
        """Refused: callers name models in their addresses."""
        raise NotSupportedError(
            "Models are not renamed: callers name them. Register a model of the new name."
        )


class DeleteModelView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"delete": WRITE}

    def delete(self, request: ApiRequest) -> HttpResponse:
        """Refused: what was served stays on record."""
        raise NotSupportedError("Models are not deleted. Delete (retire) their versions.")


class LatestVersionsView(MlflowView):
    """Stages are no more (mlflow 2.9 deprecated them): the newest version is the latest."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": READ, "post": READ}

    def get(self, request: ApiRequest) -> HttpResponse:
        """The newest version."""
        newest = mlflow.newest_versions(Sent.of(request).text("name"))
        return answer({"model_versions": [version_document(version) for version in newest]})

    def post(self, request: ApiRequest) -> HttpResponse:
        """The same; older clients ask so."""
        return self.get(request)


class AliasView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "get": READ,
        "post": WRITE,
        "delete": WRITE,
    }

    def get(self, request: ApiRequest) -> HttpResponse:
        """The version that an alias points at."""
        sent = Sent.of(request)
        version = mlflow.version_by_alias(sent.text("name"), sent.text("alias"))
        return answer({"model_version": version_document(version)})

    def post(self, request: ApiRequest) -> HttpResponse:
        """Point an alias at a version: the same promotion, gate and rollout as by our own API."""
        sent = Sent.of(request)
        aliasing.set_alias(
            model_name=sent.text("name"),
            alias=sent.text("alias"),
            number=sent.number(),
            actor=request.auth,
            reason=REASON,
        )
        return answer({})

    def delete(self, request: ApiRequest) -> HttpResponse:
        """Remove an alias."""
        sent = Sent.of(request)
        aliasing.delete_alias(
            model_name=sent.text("name"),
            alias=sent.text("alias"),
            actor=request.auth,
            reason=REASON,
        )
        return answer({})


class SetModelTagView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": WRITE}

    def post(self, request: ApiRequest) -> HttpResponse:
        """A tag of a model."""
        sent = Sent.of(request)
        tags.set_tag(
            model_name=sent.text("name"),
            number=None,
            key=sent.text("key"),
            value=sent.maybe("value", at_most=10_000),
            actor=request.auth,
        )
        return answer({})


class DeleteModelTagView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"delete": WRITE}

    def delete(self, request: ApiRequest) -> HttpResponse:
        """Take a tag of a model away."""
        sent = Sent.of(request)
        tags.delete_tag(
            model_name=sent.text("name"), number=None, key=sent.text("key"), actor=request.auth
        )
        return answer({})


VIEWS: Final[Mapping[str, Any]] = {
    "create": CreateModelView,
    "get": GetModelView,
    "search": SearchModelsView,
    "update": UpdateModelView,
    "rename": RenameModelView,
    "delete": DeleteModelView,
    "get-latest-versions": LatestVersionsView,
    "alias": AliasView,
    "set-tag": SetModelTagView,
    "delete-tag": DeleteModelTagView,
}
