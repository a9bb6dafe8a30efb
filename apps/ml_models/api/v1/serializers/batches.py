"""Batch predictions, in and out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rest_framework import serializers

from apps.ml_models.api.v1.serializers.predict import FeaturesField
from apps.ml_models.api.v1.serializers.registry import VersionSummaryOut
from apps.ml_models.models import BatchPrediction
from apps.ml_models.selectors.batches import PROGRESS_COLUMNS, Progress
from core.api.expansion import Expansion
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBER_MAX = 2**31 - 1
FORM_INTEGER = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


class _TargetIn(InputSerializer[None]):
    model = serializers.CharField(
        max_length=64, required=False, help_text="Name of a model; without it the default one."
    )
    version = serializers.IntegerField(
        min_value=1, max_value=NUMBER_MAX, required=False, help_text="Excludes `alias`."
    )
    alias = serializers.CharField(
        max_length=64, required=False, help_text="Without it and `version`: champion."
    )
    output_format = serializers.ChoiceField(
        choices=BatchPrediction.OutputFormat.choices, default=BatchPrediction.OutputFormat.JSONL
    )

    def validate(self, attrs: Mapping[str, Any]) -> Mapping[str, Any]:
        if "version" in attrs and "alias" in attrs:
            raise serializers.ValidationError(
                {"alias": serializers.ErrorDetail("Send `version` or `alias`.", code="conflict")}
            )
        if "version" in attrs and "model" not in attrs:
            raise serializers.ValidationError(
                {"model": serializers.ErrorDetail("A version is one of a model.", code="required")}
            )
        return attrs


class BatchRowsIn(_TargetIn):
    """A JSON body."""

    features = FeaturesField()


class FormIntegerField(serializers.IntegerField):
    """A positive integer as text in its one plain form: no sign, blank, underscore."""

    def to_internal_value(self, data: Any) -> int:  # noqa: ANN401 - DRF's signature
        if not isinstance(data, str) or FORM_INTEGER.fullmatch(data) is None:
            self.fail("invalid")
        return super().to_internal_value(data)


class BatchFileIn(_TargetIn):
    """A multipart form."""

    version = FormIntegerField(
        min_value=1, max_value=NUMBER_MAX, required=False, help_text="Excludes `alias`."
    )
    file = serializers.FileField(help_text="CSV with a header, or JSON Lines; UTF-8.")
    input_format = serializers.ChoiceField(
        choices=BatchPrediction.InputFormat.choices,
        required=False,
        help_text="Without it, the file's name or media type says.",
    )


class CountsOut(OutputSerializer[Any]):
    total = serializers.IntegerField(
        source="total_rows", allow_null=True, help_text="Null until the input has been read."
    )
    succeeded = serializers.IntegerField(source="succeeded_rows")
    failed = serializers.IntegerField(source="failed_rows")


class BatchInputOut(OutputSerializer[Any]):
    format = serializers.CharField(source="input_format", help_text="csv or jsonl.")
    bytes = serializers.IntegerField(source="input_bytes")
    sha256 = serializers.CharField(source="input_sha256")


class DetailOut(OutputSerializer[Any]):
    code = serializers.CharField(help_text="Stable, e.g. invalid_file.")
    detail = serializers.CharField()


def _detail(code: str, detail: str) -> dict[str, str] | None:
    return {"code": code, "detail": detail} if code else None


def _progress(name: str, shape: Any, help_text: str) -> ComputedField:  # noqa: ANN401 - a field
    return ComputedField(
        lambda *columns: getattr(Progress(*columns), name),
        of=PROGRESS_COLUMNS,
        shape=shape,
        help_text=help_text,
    )


class BatchPredictionOut(OutputSerializer[Any]):
    expandable = {"version": Expansion(VersionSummaryOut, "models:read")}

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=BatchPrediction.Status.choices)
    detail = ComputedField(
        _detail,
        of=("detail_code", "detail"),
        shape=DetailOut(allow_null=True),
        help_text="Why it failed.",
    )
    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.number", help_text="Pinned at submission.")
    alias = serializers.CharField(help_text="The alias asked for, or empty.")
    artefact_digest = serializers.CharField()
    input = BatchInputOut(source="*")
    output_format = serializers.ChoiceField(choices=BatchPrediction.OutputFormat.choices)
    counts = CountsOut(source="*")
    percent = _progress(
        "percent",
        serializers.FloatField(allow_null=True),
        "0 to 100; null while it is not known.",
    )
    rows_per_second = _progress(
        "rows_per_second",
        serializers.FloatField(allow_null=True),
        "Mean from its start to `updated_at`; null before the first rows are done.",
    )
    eta_seconds = _progress(
        "eta_seconds",
        serializers.IntegerField(allow_null=True),
        "Counted from `updated_at`; null when it is not running.",
    )
    application_id = serializers.UUIDField(
        allow_null=True, help_text="The application that submitted it, if any."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField(help_text="When it last got on, or was changed.")
    started_at = serializers.DateTimeField(allow_null=True, help_text="First time it was running.")
    cancelling_at = serializers.DateTimeField(
        allow_null=True, help_text="Cancelling was asked for."
    )
    finished_at = serializers.DateTimeField(allow_null=True, help_text="Null until then.")
    expires_at = serializers.DateTimeField(help_text="Input and results are deleted after this.")
    expired_at = serializers.DateTimeField(allow_null=True, help_text="They were deleted.")
