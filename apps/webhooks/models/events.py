"""The log of domain events that developers may read, in the order in which the relay handed on."""

from __future__ import annotations

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q


class EventRecord(models.Model):
    """One event as others see it. Written by the relay's leader alone, never changed.

    `position` is given by the one leader in the transaction that marks the outbox row as handed on:
    a reader who has seen a position has seen all below it. The outbox's own position says no such
    thing, since a transaction that commits late has a number from before.
    """

    position = models.BigAutoField(primary_key=True, help_text="Order of the log.")
    id = models.UUIDField(unique=True, editable=False, help_text="The webhook-id; stable.")
    type = models.CharField(max_length=100, help_text="e.g. batch_prediction.succeeded.")
    object_type = models.CharField(max_length=50, help_text="e.g. batch_prediction.")
    object_id = models.CharField(max_length=64, help_text="Id of the object it is about.")
    sequence = models.PositiveBigIntegerField(help_text="1, 2, 3 ... of the object's events.")
    schema_version = models.PositiveSmallIntegerField(help_text="Of `data`.")
    data = models.JSONField(encoder=DjangoJSONEncoder, help_text="What receivers get.")
    account_id = models.UUIDField(null=True, help_text="Whose matter it is; empty: everybody's.")
    application_id = models.UUIDField(null=True, help_text="The application concerned, if any.")
    request_id = models.CharField(max_length=64, blank=True, help_text="X-Request-Id of the cause.")
    occurred_at = models.DateTimeField(help_text="When it was published (UTC).")
    recorded_at = models.DateTimeField(help_text="When the relay handed it on (UTC).")

    row_version = 1  # of its ETag: what has happened never changes

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="event_application_has_account",
                condition=Q(application_id=None) | Q(account_id__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["account_id", "-position"], name="event_by_account"),
            models.Index(
                fields=["application_id", "-position"],
                name="event_by_application",
                condition=Q(application_id__isnull=False),
            ),
            models.Index(fields=["recorded_at"], name="event_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.type} #{self.sequence} of {self.object_type} {self.object_id}"
