"""`model-versions/…`: registering from an upload, waiting for READY, tags, search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.utils import timezone

from apps.ml_models.api.mlflow.base import MlflowView, Sent, answer
from apps.ml_models.api.mlflow.filters import versions_where
from apps.ml_models.api.mlflow.paging import page_of
from apps.ml_models.api.mlflow.shapes import version_document
from apps.ml_models.api.mlflow.views.models import DESCRIPTION_MAX, READ, REASON, WRITE
from apps.ml_models.errors.mlflow import NotSupportedError
from apps.ml_models.selectors import mlflow
from apps.ml_models.services import cards, deposits, retiring, tags
from apps.ml_models.services.knowledge import Knowledge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpResponse

    from core.api.viewsets import ApiRequest


ORDERS: Final = {
    "name": "model__name",
    "version_number": "number",
    "creation_timestamp": "created_at",
    "last_updated_timestamp": "updated_at",
}


def shown(name: str, number: int) -> HttpResponse:
    return answer({"model_version": version_document(mlflow.shown_version(name, number))})


class CreateVersionView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": WRITE}
    limit_scope = "upload"

    def post(self, request: ApiRequest) -> HttpResponse:
        """Make an upload the next version; it is PENDING_REGISTRATION until it is validated."""
        sent = Sent.of(request)
        name = sent.text("name")
        source = sent.text("source")
        version = deposits.create_version_from(
            model_name=name,
            source=source,
            knowledge=Knowledge(
                description=sent.maybe("description", at_most=DESCRIPTION_MAX),
                run_id=sent.maybe("run_id", at_most=64),
                source=source,
                tags=sent.tags(),
            ),
            actor=request.auth,
        )
        return shown(name, version.number)


class GetVersionView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": READ}

    def get(self, request: ApiRequest) -> HttpResponse:
        """One version with its status."""
        sent = Sent.of(request)
        return shown(sent.text("name"), sent.number())


class SearchVersionsView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": READ}

    def get(self, request: ApiRequest) -> HttpResponse:
        """Versions by MLflow's filter language, newest first within a name."""
        where = versions_where(Sent.of(request).maybe("filter", at_most=2_000))
        found, more = page_of(
            request,
            mlflow.shown_versions().filter(where),
            orders=ORDERS,
            default=("model__name", "-number"),
            shape=version_document,
        )
        return answer({"model_versions": found, **more})


class UpdateVersionView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"patch": WRITE}

    def patch(self, request: ApiRequest) -> HttpResponse:
        """Another description."""
        sent = Sent.of(request)
        name, number = sent.text("name"), sent.number()
        description = sent.maybe("description", at_most=DESCRIPTION_MAX)
        cards.edit_card(
            model_name=name,
            number=number,
            changes={"description": description},
            actor=request.auth,
        )
        return shown(name, number)


class TransitionStageView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": WRITE}

    def post(self, request: ApiRequest) -> HttpResponse:
        """Refused: stages have given way to aliases."""
        raise NotSupportedError("There are no stages. Set the alias 'champion' to promote.")


class DeleteVersionView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"delete": WRITE}

    def delete(self, request: ApiRequest) -> HttpResponse:
        """Retire a version: it answers no more, and is shown here no more."""
        sent = Sent.of(request)
        retiring.retire_version(
            model_name=sent.text("name"),
            number=sent.number(),
            actor=request.auth,
            now=timezone.now(),
            reason=REASON,
        )
        return answer({})


class SetVersionTagView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": WRITE}

    def post(self, request: ApiRequest) -> HttpResponse:
        """A tag of a version."""
        sent = Sent.of(request)
        tags.set_tag(
            model_name=sent.text("name"),
            number=sent.number(),
            key=sent.text("key"),
            value=sent.maybe("value", at_most=10_000),
            actor=request.auth,
        )
        return answer({})


class DeleteVersionTagView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"delete": WRITE}

    def delete(self, request: ApiRequest) -> HttpResponse:
        """Take a tag of a version away."""
        sent = Sent.of(request)
        tags.delete_tag(
            model_name=sent.text("name"),
            number=sent.number(),
            key=sent.text("key"),
            actor=request.auth,
        )
        return answer({})


class DownloadUriView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": READ}

    def get(self, request: ApiRequest) -> HttpResponse:
        """Where its validated model can be downloaded, by whoever may change models."""
        sent = Sent.of(request)
        version = mlflow.shown_version(sent.text("name"), sent.number())
        uri = f"mlflow-artifacts:/models/{version.model.name}/{version.number}/model.keras"
        return answer({"artifact_uri": uri})


VIEWS: Final[Mapping[str, Any]] = {
    "create": CreateVersionView,
    "get": GetVersionView,
    "search": SearchVersionsView,
    "update": UpdateVersionView,
    "transition-stage": TransitionStageView,
    "delete": DeleteVersionView,
    "set-tag": SetVersionTagView,
    "delete-tag": DeleteVersionTagView,
    "get-download-uri": DownloadUriView,
}
