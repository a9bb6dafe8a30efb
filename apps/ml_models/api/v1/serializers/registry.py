"""Models, versions and aliases, in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.ml_models.models import ModelVersion
from apps.ml_models.selectors import registry
from apps.ml_models.selectors.examples import example_row
from core.api.expansion import Expansion
from core.api.parsers import parse_json
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer

if TYPE_CHECKING:
    from apps.ml_models.models import RegisteredModel

OBJECT = {"type": "object", "additionalProperties": {}}
REASON_MAX = 500  # characters


@extend_schema_field(OBJECT)
class DocumentField(serializers.Field[Any, Any, Any, Any]):
    """A JSON object; in a multipart form it comes as text."""

    json_types = (dict,)
    is_plain = True  # see core.api.columns
    default_error_messages = {"invalid": "This must be a JSON object."}

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401 - DRF's signature
        if isinstance(data, str):
            data = parse_json(data.encode("utf-8", "surrogatepass"))
        if not isinstance(data, dict):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:  # noqa: ANN401 - DRF's signature
        return value


class ModelIn(InputSerializer[None]):
    name = serializers.CharField(
        max_length=64,
        trim_whitespace=False,
        help_text="Letters, digits, `_`, `.` and `-`; no two names differ in case alone.",
    )
    description = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=2_000
    )
    artefact = serializers.FileField(
        required=False, help_text="A `.keras` file for the first version; multipart only."
    )
    signature = DocumentField(required=False, help_text="The signature document of that version.")
    sha256 = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=64,
        help_text="The file's digest, to be compared.",
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
        max_length=64,
        help_text="The file's digest, to be compared.",
    )


class AliasIn(InputSerializer[None]):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    reason = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=REASON_MAX,
        help_text="Why, for the audit trail.",
    )


class AliasOut(OutputSerializer[Any]):
    alias = serializers.CharField()
    version = serializers.IntegerField(source="version.number")
    generation = serializers.IntegerField(
        help_text="The routing generation since which it points there."
    )
    updated_at = serializers.DateTimeField()


def _aliases_of(model: RegisteredModel) -> object:
    return tuple((str(alias.pk), alias.row_version) for alias in model.aliases.all())


class ModelOut(OutputSerializer[Any]):
    to_many = {"aliases": registry.with_aliases}
    beside = {"aliases": _aliases_of}

    name = serializers.CharField()
    description = serializers.CharField()
    is_default = serializers.BooleanField(help_text="POST /predict asks this one.")
    aliases = AliasOut(many=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ReasonOut(OutputSerializer[Any]):
    code = serializers.CharField(help_text="Stable, e.g. class_not_allowed.")
    pointer = serializers.CharField(help_text="JSON Pointer to what was refused, or empty.")
    detail = serializers.CharField()


class ServedOut(OutputSerializer[Any]):
    role = serializers.ChoiceField(choices=["web", "worker"])
    state = serializers.CharField(
        help_text="start, loading, available, unloading or end, as TensorFlow Serving has it."
    )
    processes = serializers.IntegerField(help_text="How many processes have it in that state.")
    detail = serializers.CharField(help_text="Why it is not available, if that is so.")


def _names_of(version: ModelVersion) -> list[str]:
    return sorted(alias.alias for alias in version.aliases.all())


def _reason(code: str, pointer: str, detail: str) -> dict[str, str] | None:
    return {"code": code, "pointer": pointer, "detail": detail} if code else None


class VersionSummaryOut(OutputSerializer[Any]):
    expandable = {"model": Expansion(ModelOut, "models:read")}
    to_many = {"aliases": "{}aliases".format}
    beside = {"aliases": _names_of}

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
        return _names_of(version)


def _serving(version: Any) -> object:  # noqa: ANN401 - a version with who serves it
    return tuple(tuple(state.values()) for state in version.serving)


class VersionOut(VersionSummaryOut):
    beside = {**VersionSummaryOut.beside, "serving": _serving}

    signature = DocumentField(
        allow_null=True, help_text="Features in order, then outputs; null before it is ready."
    )
    serving = ServedOut(many=True, help_text="How far the processes of the platform are with it.")
    example = serializers.SerializerMethodField(help_text="A body that its predict route takes.")

    @extend_schema_field({**OBJECT, "type": ["object", "null"]})
    def get_example(self, version: ModelVersion) -> dict[str, Any] | None:
        if version.signature is None:
            return None
        return {"features": [example_row(version.signature)]}


def _champion(model: Any) -> object:  # noqa: ANN401 - a model with its champion
    version = model.champion
    if version is None:
        return None
    return str(version.pk), version.row_version, _aliases_of(model), _serving(version)


class ModelDetailOut(ModelOut):
    to_many = {"aliases": registry.with_aliases_and_versions}
    beside = {**ModelOut.beside, "champion": _champion}

    champion = VersionOut(
        allow_null=True, help_text="The version that calls without a version or an alias reach."
    )


class CreatedModelOut(ModelOut):
    version = serializers.SerializerMethodField(help_text="The uploaded version, if there is one.")

    @extend_schema_field(VersionSummaryOut(allow_null=True))
    def get_version(self, model: RegisteredModel) -> dict[str, Any] | None:  # noqa: ARG002 - DRF's signature
        version = self.context.get("version")
        return None if version is None else VersionSummaryOut(version).data
