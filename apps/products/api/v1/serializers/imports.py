"""Imports of products, in and out."""

from __future__ import annotations

from rest_framework import serializers

from apps.products.models import ProductImport, ProductImportRow
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer


class ProductImportIn(InputSerializer[None]):
    file = serializers.FileField(
        help_text="CSV in UTF-8 with a header, at most 20 MiB and 50,000 rows."
    )
    dry_run = serializers.BooleanField(
        required=False, default=False, help_text="Say what each row would do, and do nothing."
    )


class ImportErrorOut(OutputSerializer[None]):
    code = serializers.CharField(help_text="worker_lost, file_missing.")
    detail = serializers.CharField()


def _error(code: str, detail: str) -> dict[str, str] | None:
    return {"code": code, "detail": detail} if code else None


class ProductImportOut(OutputSerializer[ProductImport]):
    """A file of products on its way into the catalogue."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(
        choices=ProductImport.State.choices,
        source="state",
        help_text="succeeded: no row failed; failed: all did, or it could not go on.",
    )
    dry_run = serializers.BooleanField()
    file_name = serializers.CharField(help_text="As uploaded.")
    size_bytes = serializers.IntegerField()
    rows = serializers.IntegerField(source="rows_total", help_text="Without the header.")
    rows_done = serializers.IntegerField(help_text="Looked at so far.")
    created = serializers.IntegerField(help_text="Rows that made a variant, or a product.")
    updated = serializers.IntegerField(help_text="Rows that changed something.")
    unchanged = serializers.IntegerField(help_text="Rows that said what was so already.")
    failed = serializers.IntegerField(help_text="Rows that were not carried out.")
    error = ComputedField(
        _error,
        of=("error_code", "error_detail"),
        shape=ImportErrorOut(allow_null=True),
        help_text="Why the rows that were not looked at never will be; null: nothing is wrong.",
    )
    user_id = serializers.UUIDField(help_text="Who uploaded it.")
    application_id = serializers.UUIDField(allow_null=True, help_text="Through which application.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class ImportFaultOut(OutputSerializer[None]):
    column = serializers.CharField(help_text="Of the file; empty: the row as a whole.")
    code = serializers.CharField(help_text="Stable, snake_case.")
    detail = serializers.CharField()


class ProductImportRowOut(OutputSerializer[ProductImportRow]):
    """What became of one row."""

    line = serializers.IntegerField(
        source="number", help_text="Of the file, that the row begins on; the header's is 1."
    )
    outcome = serializers.ChoiceField(choices=ProductImportRow.Outcome.choices)
    sku = serializers.CharField(help_text="Empty: the row has none.")
    errors = ComputedField(  # type: ignore[assignment] # a member, not the serializer's own
        list,
        of=("errors",),
        shape=ImportFaultOut(many=True),
        help_text="Why it failed; empty otherwise.",
    )
