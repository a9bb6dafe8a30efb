"""One event on its way to one endpoint, and each try to bring it there."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.webhooks.models.endpoints import WebhookEndpoint
from core.db.models import BaseModel
from core.ids import uuid7


class Delivery(BaseModel):
    """An event for an endpoint: pending -> succeeded | failed | cancelled.

    The row is the truth, its lease says who is at it. Of one endpoint and object the next one waits
    for the one before it, unless that is a redelivery, which somebody asked for out of turn.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="+")
    event_id = models.UUIDField(help_text="The webhook-id.")
    event_position = models.BigIntegerField(help_text="Of the event in the log; 0: a test event.")
    event_type = models.CharField(max_length=100)
    object_key = models.CharField(max_length=115, help_text="Type and id of the event's object.")
    body = models.TextField(help_text="What is sent, byte for byte the same at each try (JSON).")
    request_id = models.CharField(max_length=64, blank=True, help_text="X-Request-Id of the cause.")
    redelivers = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The delivery that this one repeats.",
    )
    is_test = models.BooleanField(default=False, help_text="Asked for by the endpoint's owner.")
    is_ordered = models.BooleanField(
        default=True, help_text="Waits for earlier ones of its object; redeliveries do not."
    )
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Tries that have ended.")
    next_attempt_at = models.DateTimeField(
        help_text="Not tried before (UTC). While it is under way: not by anybody else before."
    )
    lease_token = models.UUIDField(null=True, blank=True, help_text="Of whoever is at it.")
    lease_until = models.DateTimeField(null=True, blank=True, help_text="UTC, database's clock.")
    finished_at = models.DateTimeField(null=True, blank=True, help_text="UTC.")
    last_status = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="HTTP status of the last answer, if there was one."
    )
    last_error = models.CharField(
        max_length=32, blank=True, help_text="Code of what the last try failed with."
    )

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            # The relay may hand an event on twice; what it made the first time stands.
            models.UniqueConstraint(
                fields=["endpoint", "event_id"],
                name="delivery_once_per_endpoint",
                condition=Q(redelivers=None, is_test=False, is_ordered=True),
            ),
            models.CheckConstraint(
                name="delivery_state_known",
                condition=Q(state="pending", finished_at=None)
                | Q(
                    state__in=["succeeded", "failed", "cancelled"],
                    finished_at__isnull=False,
                    lease_token=None,
                ),
            ),
            models.CheckConstraint(
                name="delivery_lease_is_whole",
                condition=Q(lease_token=None, lease_until=None)
                | Q(lease_token__isnull=False, lease_until__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "next_attempt_at", "event_position"],
                name="delivery_due",
                condition=Q(state="pending"),
            ),
            models.Index(
                fields=["endpoint", "object_key", "event_position"],
                name="delivery_turn",
                condition=Q(state="pending", is_ordered=True),
            ),
            models.Index(
                fields=["endpoint"],
                name="delivery_under_way",
                condition=Q(lease_token__isnull=False),
            ),
            models.Index(fields=["endpoint", "-id"], name="delivery_by_endpoint"),
            # The few among the many: what is looked for to be sent again.
            models.Index(
                fields=["endpoint", "-id"],
                name="delivery_undelivered",
                condition=Q(state__in=["failed", "cancelled"]),
            ),
            models.Index(fields=["event_id"], name="delivery_by_event"),
            models.Index(
                fields=["finished_at"],
                name="delivery_finished",
                condition=Q(finished_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.state}"


class DeliveryAttempt(models.Model):
    """One try: what was sent and what came back. Partitioned by day; a hostile text, capped."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    day = models.DateField(help_text="UTC; the partition.")
    delivery_id = models.UUIDField()
    endpoint_id = models.UUIDField()
    number = models.PositiveSmallIntegerField(help_text="1 is the first try.")
    at = models.DateTimeField(help_text="When it began (UTC); the webhook-timestamp.")
    duration_ms = models.PositiveIntegerField(help_text="Until the answer or the failure.")
    address = models.CharField(
        max_length=45, blank=True, help_text="The IP address that was connected to."
    )
    request_headers = models.JSONField(help_text="As sent; signatures without their secret.")
    response_status = models.PositiveSmallIntegerField(null=True, blank=True)
    response_headers = models.JSONField(default=dict, help_text="As received, capped.")
    response_body = models.TextField(
        blank=True, help_text="Its start; what is no UTF-8 or a NUL is replaced."
    )
    error = models.CharField(
        max_length=32,
        blank=True,
        help_text="Empty: a 2xx answer. Else a code such as timed_out or address_refused.",
    )

    row_version = 1  # what happened never changes

    class Meta:
        indexes = [
            models.Index(fields=["delivery_id", "number"], name="attempt_by_delivery"),
        ]

    def __str__(self) -> str:
        return f"try {self.number}: {self.error or self.response_status}"
