"""Batch predictions and their chunks: the rows are the truth, Celery's messages are hints."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.ml_models.models.registry import ModelVersion
from core.db.models import BaseModel


class BatchPrediction(BaseModel):
    """One run of one pinned model version over a file of rows.

    queued -> running -> succeeded | partially_succeeded | failed; cancelling -> cancelled from the
    first two; expired after any end. A finished one never moves back (a trigger sees to it).
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        PARTIALLY_SUCCEEDED = "partially_succeeded", "Partially succeeded"
        FAILED = "failed", "Failed"
        CANCELLING = "cancelling", "Cancelling"
        CANCELLED = "cancelled", "Cancelled"
        EXPIRED = "expired", "Expired"

    class InputFormat(models.TextChoices):
        JSONL = "jsonl", "JSON Lines"
        CSV = "csv", "CSV with a header"

    class OutputFormat(models.TextChoices):
        JSONL = "jsonl", "JSON Lines"
        CSV = "csv", "CSV"

    ACTIVE = (Status.QUEUED, Status.RUNNING)
    UNFINISHED = (Status.QUEUED, Status.RUNNING, Status.CANCELLING)
    WITH_RESULTS = (Status.SUCCEEDED, Status.PARTIALLY_SUCCEEDED, Status.FAILED, Status.CANCELLED)

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Whose it is: only they and their applications see it.",
    )
    application_id = models.UUIDField(
        null=True, blank=True, help_text="The application that submitted it, if any."
    )
    version = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, related_name="+", help_text="Pinned at submission."
    )
    artefact_digest = models.CharField(max_length=64, help_text="Of the pinned version, hex.")
    alias = models.CharField(
        max_length=64, blank=True, help_text="The alias asked for; empty: a version was asked for."
    )
    status = models.CharField(max_length=24, choices=Status, default=Status.QUEUED)
    detail_code = models.CharField(max_length=64, blank=True, help_text="Why it failed, stable.")
    detail = models.CharField(max_length=500, blank=True, help_text="Why it failed, in a sentence.")

    input_format = models.CharField(max_length=8, choices=InputFormat)
    input_name = models.CharField(max_length=200, help_text="Where the input lies in the storage.")
    input_sha256 = models.CharField(max_length=64, help_text="Of the input as stored, hex.")
    input_bytes = models.PositiveBigIntegerField(help_text="Size of the input as stored.")
    output_format = models.CharField(max_length=8, choices=OutputFormat, default=OutputFormat.JSONL)

    total_rows = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Rows of the input; empty until it has been split."
    )
    succeeded_rows = models.PositiveBigIntegerField(default=0)
    failed_rows = models.PositiveBigIntegerField(default=0)

    split_token = models.UUIDField(null=True, blank=True, help_text="Fences the split.")
    split_lease_until = models.DateTimeField(null=True, blank=True)
    split_attempts = models.PositiveSmallIntegerField(default=0)

    offered_at = models.DateTimeField(
        db_default=Now(), help_text="When workers were last told that there is something to claim."
    )
    request_id = models.CharField(max_length=64, blank=True, help_text="Of the submitting call.")
    started_at = models.DateTimeField(null=True, blank=True, help_text="First time it was running.")
    split_at = models.DateTimeField(null=True, blank=True, help_text="All its chunks exist since.")
    cancelling_at = models.DateTimeField(
        null=True, blank=True, help_text="Cancelling was asked for."
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(help_text="Input and results are deleted after this.")
    expired_at = models.DateTimeField(null=True, blank=True, help_text="They were deleted.")

    class Meta:
        verbose_name = "batch prediction"
        constraints = [
            models.CheckConstraint(
                name="batch_prediction_status_known",
                condition=Q(
                    status__in=[
                        "queued",
                        "running",
                        "succeeded",
                        "partially_succeeded",
                        "failed",
                        "cancelling",
                        "cancelled",
                        "expired",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="batch_prediction_finished_at",
                condition=Q(
                    status__in=["queued", "running", "cancelling"], finished_at__isnull=True
                )
                | (
                    ~Q(status__in=["queued", "running", "cancelling"])
                    & Q(finished_at__isnull=False, finished_at__gte=F("created_at"))
                ),
            ),
            models.CheckConstraint(
                name="batch_prediction_counts",
                condition=Q(total_rows__isnull=True, succeeded_rows=0, failed_rows=0)
                | Q(
                    total_rows__isnull=False,
                    total_rows__gte=F("succeeded_rows") + F("failed_rows"),
                ),
            ),
            models.CheckConstraint(
                name="batch_prediction_complete_when_done",
                condition=~Q(status__in=["succeeded", "partially_succeeded"])
                | Q(total_rows__isnull=False, total_rows=F("succeeded_rows") + F("failed_rows")),
            ),
            models.CheckConstraint(
                name="batch_prediction_succeeded_rows",
                condition=(~Q(status="succeeded") | Q(failed_rows=0))
                & (
                    ~Q(status="partially_succeeded")
                    | (Q(failed_rows__gt=0) & Q(succeeded_rows__gt=0))
                ),
            ),
            models.CheckConstraint(
                name="batch_prediction_split",
                condition=Q(split_at__isnull=True) | Q(total_rows__isnull=False),
            ),
            models.CheckConstraint(
                name="batch_prediction_expired_at",
                condition=Q(status="expired", expired_at__isnull=False)
                | (~Q(status="expired") & Q(expired_at__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="batch_prediction_by_user"),
            models.Index(fields=["user", "status", "id"], name="batch_prediction_by_status"),
            models.Index(fields=["user", "finished_at", "id"], name="batch_prediction_by_end"),
            models.Index(
                fields=["status", "created_at"],
                name="batch_prediction_unfinished",
                condition=Q(status__in=["queued", "running", "cancelling"]),
            ),
            models.Index(
                fields=["expires_at"],
                name="batch_prediction_to_expire",
                condition=Q(expired_at__isnull=True, finished_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} ({self.status})"

    @property
    def is_finished(self) -> bool:
        return self.status not in self.UNFINISHED

    @property
    def done_rows(self) -> int:
        return self.succeeded_rows + self.failed_rows


class BatchChunk(models.Model):
    """Consecutive rows of one batch prediction, worked off by one worker under a lease.

    pending -> running -> done, or given_up when its leases ran out too often; dropped when the job
    was cancelled first. Only the holder of `lease_token` may store its result.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        GIVEN_UP = "given_up", "Given up"
        DROPPED = "dropped", "Dropped"

    OPEN = (State.PENDING, State.RUNNING)

    job = models.ForeignKey(BatchPrediction, on_delete=models.CASCADE, related_name="chunks")
    index = models.PositiveIntegerField(help_text="0, 1, 2 ... in input order.")
    first_row = models.PositiveBigIntegerField(help_text="Index of its first row, from 0.")
    first_line = models.PositiveBigIntegerField(help_text="Line of the file it begins on, from 1.")
    row_count = models.PositiveIntegerField()
    offset = models.PositiveBigIntegerField(help_text="Its first byte in the stored input.")
    length = models.PositiveBigIntegerField(help_text="Its bytes in the stored input.")

    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    attempt = models.PositiveSmallIntegerField(default=0, help_text="Leases taken so far.")
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="By the database's clock.")
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    succeeded = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    result_name = models.CharField(max_length=200, blank=True, help_text="Part of the results.")
    result_sha256 = models.CharField(max_length=64, blank=True)
    result_bytes = models.PositiveBigIntegerField(default=0)
    errors_name = models.CharField(max_length=200, blank=True, help_text="Part of the errors.")
    errors_sha256 = models.CharField(max_length=64, blank=True)
    errors_bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "index"], name="batch_chunk_index_unique"),
            models.UniqueConstraint(fields=["job", "first_row"], name="batch_chunk_rows_unique"),
            models.CheckConstraint(
                name="batch_chunk_state_known",
                condition=Q(state__in=["pending", "running", "done", "given_up", "dropped"]),
            ),
            models.CheckConstraint(name="batch_chunk_has_rows", condition=Q(row_count__gt=0)),
            models.CheckConstraint(
                name="batch_chunk_leased_while_running",
                condition=Q(state="running", lease_token__isnull=False, lease_until__isnull=False)
                | (~Q(state="running") & Q(lease_token__isnull=True, lease_until__isnull=True)),
            ),
            models.CheckConstraint(
                name="batch_chunk_complete_when_done",
                condition=Q(
                    state__in=["done", "given_up"],
                    row_count=F("succeeded") + F("failed"),
                    finished_at__isnull=False,
                )
                | (~Q(state__in=["done", "given_up"]) & Q(succeeded=0, failed=0)),
            ),
        ]
        indexes = [
            models.Index(
                fields=["job", "state", "lease_until", "index"],
                name="batch_chunk_claimable",
                condition=Q(state__in=["pending", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"chunk {self.index} of {self.job_id} ({self.state})"
