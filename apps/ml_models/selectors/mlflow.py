"""What the MLflow facade shows: a retired version is what MLflow calls deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Prefetch

from apps.ml_models.errors import (
    ArtefactMissingError,
    ModelAliasNotFoundError,
    ModelNotFoundError,
    ModelVersionNotFoundError,
)
from apps.ml_models.models import ModelAlias, ModelVersion, RegisteredModel
from apps.ml_models.selectors.blobs import name_of_artefact, open_blob
from serving.artefact import FileRole

if TYPE_CHECKING:
    from typing import BinaryIO

    from django.db.models import QuerySet

_ALIASES = ModelAlias.objects.select_related("version").order_by("alias")


def shown_versions() -> QuerySet[ModelVersion]:
    """Every version that is not retired, with its model, card, tags and aliases."""
    return (
        ModelVersion.objects.exclude(state=ModelVersion.State.RETIRED)
        .select_related("model", "card")
        .prefetch_related("tags", Prefetch("aliases", queryset=_ALIASES))
    )


def shown_models() -> QuerySet[RegisteredModel]:
    """Every model with its tags, aliases and, as `newest`, a list of its newest version."""
    newest = shown_versions().select_related("card").order_by("-number")[:1]
    return RegisteredModel.objects.prefetch_related(
        "tags",
        Prefetch("aliases", queryset=_ALIASES),
        Prefetch("versions", queryset=newest, to_attr="newest"),
    )


def shown_model(name: str) -> RegisteredModel:
    found = shown_models().filter(name=name).first()
    if found is None:
        raise ModelNotFoundError(f"Registered Model with name={name[:80]} not found")
    return found


def shown_version(name: str, number: int) -> ModelVersion:
    found = shown_versions().filter(model__name=name, number=number).first()
    if found is None:
        raise ModelVersionNotFoundError(
            f"Model Version (name={name[:80]}, version={number}) not found"
        )
    return found


def version_by_alias(name: str, alias: str) -> ModelVersion:
    found = shown_versions().filter(model__name=name, aliases__alias=alias).first()
    if found is None:
        raise ModelAliasNotFoundError(f"Registered model alias {alias[:80]} not found.")
    return found


def newest_versions(name: str) -> list[ModelVersion]:
    """The newest version of a model that exists, in a list; none yet: an empty one."""
    newest: list[ModelVersion] = shown_model(name).newest  # type: ignore[attr-defined] # prefetched
    return newest


def open_model(*, name: str, number: int) -> BinaryIO:
    """The canonical `.keras` file of a version that has been ready.

    Raises:
        ArtefactMissingError: it has none, or its content is gone.
    """
    manifest = shown_version(name, number).manifest
    if manifest is None:
        raise ArtefactMissingError(f"{name}:{number} has not been validated.")
    return open_blob(name_of_artefact(manifest["files"][FileRole.KERAS]["sha256"]))
