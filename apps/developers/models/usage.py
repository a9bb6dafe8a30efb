"""What was called: one row a call, kept for weeks, and one row a day and route, kept for years."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from core.ids import uuid7


class RequestRecord(models.Model):
    """One call under /api/v1 by somebody known. Partitioned by day; no body, no query, no address.

    Written in batches off the path of the call, so it may lag a second and, when a process is
    killed, lack its last ones: usage may be judged by it, money not.
    """

    id = models.UUIDField(
        primary_key=True, default=uuid7, editable=False, help_text="That of the request id."
    )
    day = models.DateField(help_text="UTC; the partition.")
    at = models.DateTimeField(help_text="When the answer was ready (UTC).")
    account_id = models.UUIDField(help_text="Who is billed: the application's owner, or the user.")
    user_id = models.UUIDField(help_text="On whose behalf.")
    application_id = models.UUIDField(null=True, help_text="The calling application, if any.")
    credential = models.CharField(max_length=16, help_text="jwt, api_key, oauth or device.")
    credential_id = models.CharField(max_length=64)
    method = models.CharField(max_length=8)
    route = models.CharField(max_length=200, help_text="Template, e.g. /api/v1/models/{name}.")
    status = models.PositiveSmallIntegerField()
    error_code = models.CharField(max_length=64, blank=True, help_text="Of the problem, if one.")
    latency_ms = models.FloatField(help_text="From the first byte read to the answer ready.")
    request_bytes = models.PositiveBigIntegerField(help_text="Of the body.")
    response_bytes = models.PositiveBigIntegerField(
        null=True, help_text="Of the body; empty: streamed."
    )
    work = models.CharField(max_length=16, help_text="Class of work whose limit it was counted in.")
    units = models.PositiveIntegerField(help_text="What it cost of that limit.")
    request_id = models.CharField(max_length=64)

    row_version = 1  # of its ETag: what was called never changes

    class Meta:
        indexes = [
            models.Index(fields=["account_id", "-id"], name="request_by_account"),
            models.Index(fields=["application_id", "-id"], name="request_by_app"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.status}"


class UsageDay(models.Model):
    """The calls of one day, caller and route, added up."""

    id = models.BigAutoField(primary_key=True)
    day = models.DateField(help_text="UTC.")
    account_id = models.UUIDField(help_text="Who is billed.")
    application_id = models.UUIDField(null=True, help_text="The calling application, if any.")
    method = models.CharField(max_length=8)
    route = models.CharField(max_length=200, help_text="Template, e.g. /api/v1/models/{name}.")
    work = models.CharField(max_length=16, help_text="Class of work.")
    calls = models.PositiveBigIntegerField(default=0)
    client_errors = models.PositiveBigIntegerField(default=0, help_text="Answers 4xx.")
    server_errors = models.PositiveBigIntegerField(default=0, help_text="Answers 5xx.")
    units = models.PositiveBigIntegerField(default=0, help_text="Spent of the limit.")
    latency_histogram = ArrayField(
        models.PositiveBigIntegerField(),
        help_text="Calls by bucket of latency; see core.facts.histogram.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "account_id", "application_id", "method", "route", "work"],
                name="usage_day_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="usage_day_errors_are_calls",
                condition=Q(calls__gte=models.F("client_errors") + models.F("server_errors")),
            ),
        ]
        indexes = [
            models.Index(fields=["account_id", "day"], name="usage_day_by_account"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.method} {self.route}: {self.calls}"
