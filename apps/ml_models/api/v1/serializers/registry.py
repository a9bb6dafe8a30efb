"""Models with their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.ml_models.api.v1.serializers.registry_details import (
    GoldenOut,
    VersionOut,
    lineage_of,
    serving_of,
)
from apps.ml_models.api.v1.serializers.registry_fields import TEXTS, DocumentField
from apps.ml_models.api.v1.serializers.registry_models import (
    ModelIn,
    ModelOut,
    ModelPatchIn,
    aliases_of,
)
from apps.ml_models.api.v1.serializers.registry_versions import (
    RetireIn,
    TransitionOut,
    VersionIn,
    VersionPatchIn,
    VersionSummaryOut,
)
from apps.ml_models.selectors import registry
from apps.ml_models.selectors.cards import tags_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.ml_models.models import RegisteredModel

__all__ = [
    "CreatedModelOut",
    "DocumentField",
    "GoldenOut",
    "ModelDetailOut",
    "ModelIn",
    "ModelOut",
    "ModelPatchIn",
    "RetireIn",
    "TransitionOut",
    "VersionIn",
    "VersionOut",
    "VersionPatchIn",
    "VersionSummaryOut",
]


def _champion(model: RegisteredModel) -> object:
    """What an ETag says of the champion, all of which is shown."""
    version = registry.champion_of(model)
    if version is None:
        return None
    parts = (aliases_of(model), serving_of(version), lineage_of(version))
    return str(version.pk), version.row_version, *parts


class ModelDetailOut(ModelOut):
    to_many = {"aliases": registry.with_aliases_and_versions}
    beside = {**ModelOut.beside, "champion": _champion}

    tags = serializers.SerializerMethodField(help_text="The model's own; versions have theirs.")
    champion = serializers.SerializerMethodField(
        help_text="The version that calls without a version or an alias reach."
    )

    @extend_schema_field(TEXTS)
    def get_tags(self, model: RegisteredModel) -> Mapping[str, str]:
        return tags_of(model)

    @extend_schema_field(VersionOut(allow_null=True))
    def get_champion(self, model: RegisteredModel) -> dict[str, Any] | None:
        version = registry.champion_of(model)
        return None if version is None else VersionOut(version).data


class CreatedModelOut(ModelOut):
    version = serializers.SerializerMethodField(help_text="The uploaded version, if there is one.")

    @extend_schema_field(VersionSummaryOut(allow_null=True))
    def get_version(self, model: RegisteredModel) -> dict[str, Any] | None:  # noqa: ARG002 - DRF's signature
        version = self.context.get("version")
        return None if version is None else VersionSummaryOut(version).data
