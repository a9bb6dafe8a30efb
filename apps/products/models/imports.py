"""Imports of CSV files: each row's fate is a row."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from core.db.models import BaseModel


class ProductImport(BaseModel):
    """One uploaded file, worked off in chunks; what is committed is never done twice."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        PARTIALLY_SUCCEEDED = "partially_succeeded", "Partially succeeded"
        FAILED = "failed", "Failed"

    state = models.CharField(max_length=32, choices=State, default=State.QUEUED)
    dry_run = models.BooleanField(default=False, help_text="Say what would be done; do nothing.")
    file_name = models.CharField(max_length=200, blank=True, help_text="As uploaded; never a path.")
    key = models.CharField(max_length=200, help_text="Storage key of the file.")
    size_bytes = models.PositiveBigIntegerField()
    rows_total = models.PositiveIntegerField(help_text="Counted when it was uploaded.")
    rows_done = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=64, blank=True, help_text="Why the whole file failed.")
    error_detail = models.CharField(max_length=500, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    application_id = models.UUIDField(null=True, blank=True)
    offset = models.PositiveBigIntegerField(
        default=0, help_text="Bytes of the file that are done with; 0: not even its header."
    )
    line = models.PositiveIntegerField(default=0, help_text="Lines of the file likewise.")
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Leases since something was last committed."
    )
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text="A worker has it until then (UTC)."
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="product_import_state_known",
                condition=Q(
                    state__in=["queued", "running", "succeeded", "partially_succeeded", "failed"]
                ),
            ),
            models.CheckConstraint(
                name="product_import_counts",
                condition=Q(
                    rows_done=F("created") + F("updated") + F("unchanged") + F("failed"),
                    rows_done__lte=F("rows_total"),
                ),
            ),
            models.CheckConstraint(
                name="product_import_ended",
                condition=Q(state__in=["queued", "running"], ended_at__isnull=True)
                | (~Q(state__in=["queued", "running"]) & Q(ended_at__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="product_import_newest"),
            models.Index(
                fields=["lease_until"],
                name="product_import_open",
                condition=Q(state__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return self.file_name or str(self.pk)


class ProductImportRow(models.Model):
    """What became of one row of the file."""

    class Outcome(models.TextChoices):
        CREATED = "created", "Created"
        UPDATED = "updated", "Updated"
        UNCHANGED = "unchanged", "Unchanged"
        FAILED = "failed", "Failed"

    id = models.BigAutoField(primary_key=True)
    product_import = models.ForeignKey(ProductImport, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField(help_text="Line of the file that the row begins on.")
    outcome = models.CharField(max_length=16, choices=Outcome)
    sku = models.CharField(max_length=64, blank=True)
    errors = models.JSONField(default=list, help_text="column, code and detail of each fault.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product_import", "number"], name="product_import_row_once"
            ),
            models.CheckConstraint(
                name="product_import_row_outcome",
                condition=Q(outcome__in=["created", "updated", "unchanged", "failed"]),
            ),
        ]
        indexes = [
            models.Index(F("product_import"), Lower("sku"), name="product_import_row_by_sku"),
            models.Index(
                fields=["product_import", "outcome", "number"],
                name="product_import_row_by_outcome",
            ),
        ]

    def __str__(self) -> str:
        return f"row {self.number}: {self.outcome}"
