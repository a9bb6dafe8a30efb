"""One version whole: what it takes and answers, how good and fast it is, where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.ml_models.api.v1.serializers.registry_fields import OBJECT, TEXTS, DocumentField
from apps.ml_models.api.v1.serializers.registry_versions import VersionSummaryOut
from apps.ml_models.models import ModelVersion  # noqa: TC001 - the schema reads the hints
from apps.ml_models.selectors import registry
from apps.ml_models.selectors.cards import about
from apps.ml_models.selectors.examples import example_row
from core.api.serializers import ComputedField, OutputSerializer
from serving.golden import ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Mapping

ROWS_AND_NUMBERS = {"type": "object", "additionalProperties": {"type": "number"}}


class ServedOut(OutputSerializer[Any]):
    role = serializers.ChoiceField(choices=["web", "worker"])
    state = serializers.CharField(
        help_text="start, loading, available, unloading or end, as TensorFlow Serving has it."
    )
    processes = serializers.IntegerField(help_text="How many processes have it in that state.")
    detail = serializers.CharField(help_text="Why it is not available, if that is so.")


@extend_schema_field(ROWS_AND_NUMBERS)
class ByRowsField(DocumentField):
    """Numbers by how many rows were in a call."""


class EngineOut(OutputSerializer[Any]):
    engine = serializers.CharField(help_text="litert or tensorflow.")
    runs = serializers.BooleanField(help_text="Whether it can run the version.")
    reason = serializers.CharField(help_text="Why it cannot, stable, e.g. not_convertible.")
    latency_us = ByRowsField(
        help_text="Microseconds of one call at validation, by its rows: an order of magnitude."
    )
    memory_bytes = ByRowsField(help_text="Memory of one call at validation, by its rows.")
    loaded_bytes = serializers.IntegerField(
        allow_null=True, help_text="Memory that the loaded version takes, measured at validation."
    )
    largest_difference = serializers.FloatField(
        allow_null=True, help_text="Between its answers and TensorFlow's on the golden set."
    )


class FileOut(OutputSerializer[Any]):
    role = serializers.CharField(help_text="keras, litert or golden.")
    sha256 = serializers.CharField()
    bytes = serializers.IntegerField()


class FrameworksOut(OutputSerializer[Any]):
    trained_with = DocumentField(help_text="As declared at upload.")
    validated_with = DocumentField(help_text="What made the artefact.")


class LineageOut(OutputSerializer[Any]):
    model = serializers.CharField()
    version = serializers.IntegerField()


def _engines(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_engine(name, told) for name, told in sorted(report.get("engines", {}).items())]


def _engine(name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "engine": name,
        "runs": bool(told.get("ok")),
        "reason": told.get("reason_code") or told.get("reason") or "",
        "latency_us": told.get("latency_us") or {},
        "memory_bytes": told.get("memory_bytes") or {},
        "loaded_bytes": told.get("loaded_bytes"),
        "largest_difference": told.get("largest_difference"),
    }


def _sandbox(report: Mapping[str, Any]) -> list[str]:
    """Active layers by name; older reports say true or false of each."""
    return sorted(name for name, active in report.get("sandbox", {}).items() if active is True)


def _files(manifest: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    files = (manifest or {}).get("files", {})
    return [{"role": role, **entry} for role, entry in sorted(files.items())]


def _golden_rows(manifest: Mapping[str, Any] | None) -> int:
    return int((manifest or {}).get("golden_rows", 0))


def serving_of(version: ModelVersion) -> object:
    """What an ETag says of who serves a version."""
    return tuple(tuple(state.values()) for state in registry.serving_of(version))


def lineage_of(version: ModelVersion) -> object:
    """What an ETag says of a version's parent and descendants."""
    known = about(version)
    return str(known.parent), known.children


class VersionOut(VersionSummaryOut):
    beside = {
        **VersionSummaryOut.beside,
        "serving": serving_of,
        "parent": lineage_of,
        "children": lineage_of,
    }

    signature = DocumentField(
        allow_null=True, help_text="Features in order, then outputs; null before it is ready."
    )
    serving = serializers.SerializerMethodField(
        help_text="How far the processes of the platform are with it."
    )
    example = serializers.SerializerMethodField(help_text="A body that its predict route takes.")
    description = serializers.SerializerMethodField(help_text="One or two sentences.")
    model_card = serializers.SerializerMethodField(
        help_text="Markdown, as it was sent: show it as text, or render it without HTML."
    )
    tags = serializers.SerializerMethodField()
    training = serializers.SerializerMethodField(help_text="As declared at upload.")
    training_data_digest = serializers.SerializerMethodField(help_text="SHA-256, or empty.")
    run_id = serializers.SerializerMethodField(help_text="As declared at upload.")
    source = serializers.SerializerMethodField(  # type: ignore[assignment] # a member
        help_text="As declared at upload."
    )
    parent = serializers.SerializerMethodField(  # type: ignore[assignment] # a member
        help_text="The version that it was made from."
    )
    children = serializers.SerializerMethodField(help_text="Versions that were made from it.")
    frameworks = serializers.SerializerMethodField()
    engines = ComputedField(
        _engines, of=("validation_report",), shape=EngineOut(many=True), help_text="As measured."
    )
    sandbox = ComputedField(
        _sandbox,
        of=("validation_report",),
        shape=serializers.ListField(child=serializers.CharField()),
        help_text="Layers that confined its validation.",
    )
    files = ComputedField(
        _files, of=("manifest",), shape=FileOut(many=True), help_text="Of the artefact."
    )
    golden_rows = ComputedField(
        _golden_rows, of=("manifest",), shape=serializers.IntegerField(), help_text="See /golden."
    )

    @extend_schema_field(ServedOut(many=True))
    def get_serving(self, version: ModelVersion) -> list[dict[str, object]]:
        return registry.serving_of(version)

    @extend_schema_field({**OBJECT, "type": ["object", "null"]})
    def get_example(self, version: ModelVersion) -> dict[str, Any] | None:
        if version.signature is None:
            return None
        return {"features": [example_row(version.signature)]}

    def get_description(self, version: ModelVersion) -> str:
        return about(version).card.description

    def get_model_card(self, version: ModelVersion) -> str:
        return about(version).card.text

    @extend_schema_field(TEXTS)
    def get_tags(self, version: ModelVersion) -> Mapping[str, str]:
        return about(version).tags

    @extend_schema_field(OBJECT)
    def get_training(self, version: ModelVersion) -> Mapping[str, Any]:
        training: Mapping[str, Any] = about(version).card.training
        return training

    def get_training_data_digest(self, version: ModelVersion) -> str:
        return about(version).card.training_data_digest

    def get_run_id(self, version: ModelVersion) -> str:
        return about(version).card.run_id

    def get_source(self, version: ModelVersion) -> str:
        return about(version).card.source

    @extend_schema_field(LineageOut(allow_null=True))
    def get_parent(self, version: ModelVersion) -> dict[str, Any] | None:
        parent = about(version).parent
        return None if parent is None else {"model": parent.model.name, "version": parent.number}

    def get_children(self, version: ModelVersion) -> int:
        return about(version).children

    @extend_schema_field(FrameworksOut)
    def get_frameworks(self, version: ModelVersion) -> dict[str, Any]:
        validated_with = (version.manifest or {}).get("versions", {})
        return {
            "trained_with": about(version).card.frameworks,
            "validated_with": validated_with,
        }


class ToleranceOut(OutputSerializer[Any]):
    relative = serializers.FloatField()
    absolute = serializers.FloatField()


class GoldenOut(OutputSerializer[Any]):
    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.number")
    artefact_digest = serializers.CharField(source="version.artefact_digest")
    rows = serializers.IntegerField(help_text="Of the whole set.")
    shown = serializers.IntegerField(help_text="Rows that are here: as many as fit into an answer.")
    tolerance = serializers.SerializerMethodField(
        help_text="An engine's answer x is right when |x - y| <= absolute + relative * |y|."
    )
    instances = serializers.ListField(
        child=serializers.DictField(), allow_null=True, help_text="`features` of a predict call."
    )
    inputs = DocumentField(
        allow_null=True, help_text="The tensors by name, where they are no rows of features."
    )
    outputs = DocumentField(help_text="What TensorFlow answered, by output, a list for each row.")

    @extend_schema_field(ToleranceOut)
    def get_tolerance(self, golden: Any) -> dict[str, float]:  # noqa: ANN401, ARG002 - DRF's signature
        return {"relative": RELATIVE_TOLERANCE, "absolute": ABSOLUTE_TOLERANCE}
