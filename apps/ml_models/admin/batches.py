"""Batch predictions and their chunks: how far they are, why they failed; and cancelling."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from django.contrib import admin

from apps.ml_models.admin.display import batch_status, progress_bar
from apps.ml_models.models import BatchChunk, BatchPrediction
from apps.ml_models.selectors.batches import progress_of
from apps.ml_models.services.batch import cancelling
from core.admin import AuditedModelAdmin, actor_of, pill, reasoned_action
from core.admin.display import BLANK, size

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


@admin.register(BatchPrediction)
class BatchPredictionAdmin(AuditedModelAdmin[BatchPrediction]):
    audit_object_type = "batch_prediction"
    list_display = ("id", "version", "user", "state", "progress", "created_at", "finished_at")
    list_filter = ("status", "version__model", "input_format")
    list_select_related = ("version__model", "user")
    search_fields = (
        "id__exact",
        "request_id__exact",
        "user__username__istartswith",
        "version__model__name__icontains",
    )
    search_help_text = "An id, a request id, how a username begins, part of a model's name."
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    actions = ("cancel",)
    fieldsets = (
        (None, {"fields": ("id", "state", "detail_code", "detail", "progress", "speed", "eta")}),
        ("Asked for", {"fields": ("version", "alias", "artefact_digest", "output_format")}),
        ("Input", {"fields": ("input_format", "input_size", "input_sha256", "input_name")}),
        ("Rows", {"fields": ("total_rows", "succeeded_rows", "failed_rows", "chunks_shown")}),
        ("By", {"fields": ("user", "application_id", "request_id")}),
        (
            "Times",
            {
                "fields": (
                    "created_at",
                    "started_at",
                    "split_at",
                    "cancelling_at",
                    "finished_at",
                    "expires_at",
                    "expired_at",
                )
            },
        ),
    )
    readonly_fields = (
        "id",
        "state",
        "progress",
        "speed",
        "eta",
        "input_size",
        "chunks_shown",
        "created_at",
    )

    @admin.display(description="Status", ordering="status")
    def state(self, job: BatchPrediction) -> SafeString:
        return batch_status(job)

    @admin.display(description="Progress")
    def progress(self, job: BatchPrediction) -> SafeString | str:
        return progress_bar(job)

    @admin.display(description="Rows per second")
    def speed(self, job: BatchPrediction) -> str:
        speed = progress_of(job).rows_per_second
        return BLANK if speed is None else f"{speed:,.0f}"

    @admin.display(description="Seconds left")
    def eta(self, job: BatchPrediction) -> str:
        seconds = progress_of(job).eta_seconds
        return BLANK if seconds is None else str(seconds)

    @admin.display(description="Size", ordering="input_bytes")
    def input_size(self, job: BatchPrediction) -> str:
        return size(job.input_bytes)

    @admin.display(description="Chunks")
    def chunks_shown(self, job: BatchPrediction) -> str:
        counted = Counter(job.chunks.values_list("state", flat=True))
        return ", ".join(f"{number} {state}" for state, number in sorted(counted.items())) or BLANK

    @reasoned_action(
        description="Cancel selected batch predictions",
        explanation="Chunks in work are finished, the others dropped; what is done stays readable.",
    )
    def cancel(self, request: HttpRequest, row: BatchPrediction, reason: str) -> None:
        cancelling.cancel_batch_prediction(job_id=row.pk, actor=actor_of(request), reason=reason)


@admin.register(BatchChunk)
class BatchChunkAdmin(AuditedModelAdmin[BatchChunk]):
    list_display = (
        "__str__",
        "status",
        "row_count",
        "succeeded",
        "failed",
        "attempt",
        "lease_until",
    )
    list_filter = ("state",)
    search_fields = ("job__id__exact",)
    search_help_text = "The id of a batch prediction."
    ordering = ("-created_at", "job", "index")
    fields = (
        "job",
        "index",
        "status",
        "first_row",
        "row_count",
        "first_line",
        "offset",
        "length",
        "attempt",
        "lease_until",
        "succeeded",
        "failed",
        "result_name",
        "result_bytes",
        "errors_name",
        "errors_bytes",
        "created_at",
        "finished_at",
    )
    readonly_fields = fields

    @admin.display(description="State", ordering="state")
    def status(self, chunk: BatchChunk) -> SafeString:
        moods = {"done": "good", "given_up": "bad", "dropped": ""}
        return pill(chunk.get_state_display(), moods.get(chunk.state, "busy"))  # type: ignore[arg-type] # each is a mood
