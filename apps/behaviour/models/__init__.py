"""What people were seen doing, one row a fact, partitioned by day."""

from __future__ import annotations

from django.db import models

from core.ids import uuid7


class BehaviourEvent(models.Model):
    """One fact with one of Segment's names: Product Viewed, Products Searched, Product Added ...

    Written in batches off the path of the call; no foreign keys, dropped by the day.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    day = models.DateField(help_text="UTC; the partition.")
    at = models.DateTimeField(help_text="When it happened (UTC).")
    name = models.CharField(max_length=64, help_text="As in Segment's e-commerce specification.")
    user_id = models.UUIDField(null=True, help_text="Who; empty: unknown, or erased.")
    anonymous_id = models.UUIDField(null=True, help_text="Of somebody unknown: their cart's id.")
    application_id = models.UUIDField(null=True, help_text="The application used, if any.")
    session_id = models.CharField(max_length=64, blank=True)
    properties = models.JSONField(default=dict)
    context = models.JSONField(default=dict, help_text="e.g. locale, family of the user agent.")
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["user_id", "-at"], name="behaviour_by_user"),
            models.Index(fields=["name", "-at"], name="behaviour_by_name"),
        ]

    def __str__(self) -> str:
        return self.name
