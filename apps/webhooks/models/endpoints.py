"""Where an application wants to hear of events."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from core.db.models import BaseModel

URL_MAX = 2_048  # characters
DESCRIPTION_MAX = 200  # characters
EVENT_TYPE_MAX = 100  # characters
EVENT_TYPES_MAX = 50  # patterns of one endpoint


def shown_url(url: str) -> str:
    """Scheme, host and port; `…` for whatever follows, which may hold a token.

    For what outlives the endpoint and is read by others than its owner: histories.
    """
    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return f"{place}/…" if parts.path.strip("/") or parts.query or parts.fragment else place


class WebhookEndpoint(BaseModel):
    """A URL of an application's, and which events go there.

    enabled <-> disabled, by its owner, by staff, or by itself when nothing has arrived for long.
    """

    class Status(models.TextChoices):
        ENABLED = "enabled", "Enabled"
        DISABLED = "disabled", "Disabled"

    class DisabledReason(models.TextChoices):
        OWNER = "owner", "By its owner"
        STAFF = "staff", "By staff"
        FAILURES = "failures", "Nothing arrived for days"
        GONE = "gone", "The receiver answered 410"

    application = models.ForeignKey(
        "developers.Application", on_delete=models.PROTECT, related_name="+"
    )
    url = models.CharField(max_length=URL_MAX, help_text="https, without user or fragment.")
    description = models.CharField(max_length=DESCRIPTION_MAX, blank=True)
    event_types = ArrayField(
        models.CharField(max_length=EVENT_TYPE_MAX),
        help_text="Types, families such as batch_prediction.*, or * for all.",
    )
    status = models.CharField(max_length=16, choices=Status, default=Status.ENABLED)
    disabled_at = models.DateTimeField(null=True, blank=True, help_text="UTC.")
    disabled_reason = models.CharField(max_length=16, choices=DisabledReason, blank=True)
    deleted_at = models.DateTimeField(
        null=True, blank=True, help_text="Gone for its owner; its log stays (UTC)."
    )
    secret = models.BinaryField(help_text="Signs deliveries; encrypted under WEBHOOK_KEYS.")
    previous_secret = models.BinaryField(
        null=True, blank=True, help_text="Signs beside the new one for a while; encrypted."
    )
    previous_secret_until = models.DateTimeField(null=True, blank=True, help_text="UTC.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="endpoint_has_event_types", condition=Q(event_types__len__gte=1)
            ),
            models.CheckConstraint(
                name="endpoint_disabled_for_a_reason",
                condition=Q(status="enabled", disabled_at=None, disabled_reason="")
                | Q(status="disabled", disabled_at__isnull=False)
                & Q(disabled_reason__in=["owner", "staff", "failures", "gone"]),
            ),
            models.CheckConstraint(
                name="endpoint_previous_secret_ends",
                condition=Q(previous_secret=None, previous_secret_until=None)
                | Q(previous_secret__isnull=False, previous_secret_until__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["application", "-created_at", "-id"],
                name="endpoint_by_application",
                condition=Q(deleted_at=None),
            ),
        ]

    def __str__(self) -> str:
        """Django's own history keeps this for good."""
        return shown_url(self.url)


class EndpointHealth(models.Model):
    """What deliveries have found out about an endpoint. Written by the engine, and reset by hand.

    A table of its own, so that a delivery neither waits for its owner nor moves the endpoint's
    version. An endpoint is trusted once it has answered quickly and well; one that is not has a
    lane of its own, where it can hold up nobody but its like.
    """

    endpoint = models.OneToOneField(
        WebhookEndpoint, on_delete=models.CASCADE, primary_key=True, related_name="health"
    )
    is_trusted = models.BooleanField(default=False)
    paused_until = models.DateTimeField(
        null=True, blank=True, help_text="The receiver asked for a pause, or fails (UTC)."
    )
    failing_since = models.DateTimeField(
        null=True, blank=True, help_text="First failure since the last success (UTC)."
    )
    failures_in_a_row = models.PositiveIntegerField(default=0)
    last_success_at = models.DateTimeField(null=True, blank=True, help_text="UTC.")
    last_failure_at = models.DateTimeField(null=True, blank=True, help_text="UTC.")

    class Meta:
        verbose_name_plural = "endpoint health"

    def __str__(self) -> str:
        return "trusted" if self.is_trusted else "on trial"
