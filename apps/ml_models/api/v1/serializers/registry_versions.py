"""Versions, in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rest_framework import serializers

from apps.ml_models.api.v1.serializers.registry_fields import (
    DocumentField,
    ParentField,
    TagChangesField,
    TagsField,
)
from apps.ml_models.api.v1.serializers.registry_models import SHA256_DIGITS, ModelOut
from apps.ml_models.models import ModelVersion
from apps.ml_models.models.knowledge import CARD_MAX
from apps.ml_models.services.knowledge import DESCRIPTION_MAX, RUN_ID_MAX, SOURCE_MAX
from core.api.expansion import Expansion
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer
from core.audit import REASON_MAX
from serving.reasons import explained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _text(longest: int, about: str) -> serializers.CharField:
    return serializers.CharField(
        required=False, allow_blank=True, max_length=longest, help_text=about
    )


def _card() -> serializers.CharField:
    return serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=CARD_MAX,
        trim_whitespace=False,
        help_text="Markdown: use, limits, data, ethics.",
    )


class VersionIn(InputSerializer[None]):
    artefact = serializers.FileField(help_text="A `.keras` file.")
    signature = DocumentField(
        required=False, help_text="The signature document; without it the model says its own."
    )
    sha256 = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=SHA256_DIGITS,
        help_text="The file's digest, to be compared.",
    )
    metrics = DocumentField(
        required=False, help_text='Figures by name, e.g. {"auc": 0.927}; never changed later.'
    )
    description = _text(DESCRIPTION_MAX, "One or two sentences.")
    model_card = _card()
    training = DocumentField(required=False, help_text="Parameters, rows, times of the training.")
    training_data_digest = _text(SHA256_DIGITS, "SHA-256 of the training data, lower-case hex.")
    frameworks = TagsField(
        required=False, help_text='What it was trained with: {"keras": "3.15.1"}.'
    )
    run_id = _text(RUN_ID_MAX, "The experiment's run that made it.")
    source = _text(  # type: ignore[assignment] # a member, not the field's own source
        SOURCE_MAX, "Where it comes from, in words; never opened or fetched."
    )
    parent = ParentField(  # type: ignore[assignment] # a member, not the serializer around
        required=False,
        help_text="The version that it was made from: its number, or its model and number.",
    )
    reference = DocumentField(
        required=False,
        help_text="How features and score were spread in training, to watch drift against: "
        '{"features": {name: {"edges"|"values": [...], "counts": [...]}}, "score": {...}}.',
    )
    tags = TagsField(required=False, help_text="Texts by key, at most 100.")


class VersionPatchIn(InputSerializer[None]):
    description = _text(DESCRIPTION_MAX, "One or two sentences.")
    model_card = _card()
    tags = TagChangesField(
        required=False, help_text="Texts by key; null deletes a tag, those not named stay."
    )
    reason = _text(REASON_MAX, "For the audit trail.")


class RetireIn(InputSerializer[None]):
    reason = serializers.CharField(max_length=REASON_MAX, help_text="Why, for the audit trail.")


class ReasonOut(OutputSerializer[Any]):
    code = serializers.CharField(help_text="Stable, e.g. class_not_allowed.")
    pointer = serializers.CharField(help_text="JSON Pointer to what was refused, or empty.")
    detail = serializers.CharField()
    explanation = serializers.CharField(help_text="What the code means, in one sentence.")


def names_of(version: ModelVersion) -> list[str]:
    """The aliases that point at a version."""
    return sorted(alias.alias for alias in version.aliases.all())


def _reason(code: str, pointer: str, detail: str) -> dict[str, str] | None:
    if not code:
        return None
    return {"code": code, "pointer": pointer, "detail": detail, "explanation": explained(code)}


class VersionSummaryOut(OutputSerializer[Any]):
    expandable = {"model": Expansion(ModelOut, "models:read")}
    to_many = {"aliases": "{}aliases".format}
    beside: ClassVar[Mapping[str, Callable[[Any], object]]] = {"aliases": names_of}

    model = serializers.CharField(source="model.name")
    version = serializers.IntegerField(source="number")
    state = serializers.ChoiceField(choices=ModelVersion.State.choices)
    reason = ComputedField(
        _reason,
        of=("reason_code", "reason_pointer", "reason_detail"),
        shape=ReasonOut(allow_null=True),
        help_text="Why it was rejected.",
    )
    engine = serializers.CharField(help_text="litert or tensorflow; empty before it is ready.")
    artefact_digest = serializers.CharField(help_text="SHA-256 of the manifest.")
    upload_digest = serializers.CharField(help_text="SHA-256 of the uploaded file.")
    size_bytes = serializers.IntegerField()
    metrics = DocumentField()
    aliases = serializers.SerializerMethodField(help_text="Aliases that point here.")
    created_at = serializers.DateTimeField()
    validated_at = serializers.DateTimeField(allow_null=True, help_text="Null until then.")
    retired_at = serializers.DateTimeField(allow_null=True, help_text="Null until then.")

    def get_aliases(self, version: ModelVersion) -> list[str]:
        return names_of(version)


class TransitionOut(OutputSerializer[Any]):
    id = serializers.UUIDField()
    from_state = serializers.CharField(
        help_text="Empty: it was made. `validating` to `validating`: its worker had gone away."
    )
    to_state = serializers.CharField()
    at = serializers.DateTimeField()
    actor_id = serializers.UUIDField(allow_null=True, help_text="Null: the platform itself.")
    application_id = serializers.UUIDField(allow_null=True)
    reason = serializers.CharField(help_text="In the actor's words.")
    reason_code = serializers.CharField(help_text="Stable, e.g. class_not_allowed; or empty.")
    sha256 = serializers.CharField(
        help_text="SHA-256 of what moved: the upload until it is ready, then the artefact."
    )
    request_id = serializers.CharField(help_text="Of the call or the task that moved it.")
