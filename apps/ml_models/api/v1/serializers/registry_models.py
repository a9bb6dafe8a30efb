"""Models, in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from apps.ml_models.api.v1.serializers.aliases import AliasOut
from apps.ml_models.api.v1.serializers.registry_fields import (
    DocumentField,
    TagChangesField,
    TagsField,
)
from apps.ml_models.selectors import registry
from apps.ml_models.services.knowledge import DESCRIPTION_MAX
from core.api.serializers import InputSerializer, OutputSerializer
from core.audit import REASON_MAX

if TYPE_CHECKING:
    from apps.ml_models.models import RegisteredModel

SHA256_DIGITS = 64


class ModelIn(InputSerializer[None]):
    name = serializers.CharField(
        max_length=64,
        trim_whitespace=False,
        help_text="Letters, digits, `_`, `.` and `-`; no two names differ in case alone.",
    )
    description = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=DESCRIPTION_MAX
    )
    tags = TagsField(required=False, help_text="Texts by key, at most 100.")
    artefact = serializers.FileField(
        required=False, help_text="A `.keras` file for the first version; multipart only."
    )
    signature = DocumentField(required=False, help_text="The signature document of that version.")
    sha256 = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=SHA256_DIGITS,
        help_text="The file's digest, to be compared.",
    )


class ModelPatchIn(InputSerializer[None]):
    description = serializers.CharField(
        required=False, allow_blank=True, max_length=DESCRIPTION_MAX
    )
    tags = TagChangesField(
        required=False, help_text="Texts by key; null deletes a tag, those not named stay."
    )
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=REASON_MAX, help_text="For the audit trail."
    )


def aliases_of(model: RegisteredModel) -> object:
    """What an ETag says of a model's aliases, which move without the model."""
    return tuple((str(alias.pk), alias.row_version) for alias in model.aliases.all())


class ModelOut(OutputSerializer[Any]):
    to_many = {"aliases": registry.with_aliases}
    beside = {"aliases": aliases_of}

    name = serializers.CharField()
    description = serializers.CharField()
    is_default = serializers.BooleanField(help_text="POST /predict asks this one.")
    aliases = AliasOut(many=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
