"""Core's tables: idempotency keys, the outbox, the audit trail, revocations."""

from __future__ import annotations

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from core.ids import uuid7


class IdempotencyKey(models.Model):
    """The stored answer of one unsafe call, committed together with its effect.

    Scope is (application, user, method, route template, key); see docs/subsystems/idempotency.md.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application_id = models.UUIDField(null=True, help_text="The calling application, if any.")
    user_id = models.UUIDField(help_text="The calling user.")
    method = models.CharField(max_length=8, help_text="POST or PATCH.")
    route = models.CharField(
        max_length=200, help_text="Route template, e.g. api/v1/batch-predictions."
    )
    key = models.CharField(max_length=255, help_text="What the caller sent in Idempotency-Key.")
    fingerprint = models.BinaryField(
        max_length=32, help_text="SHA-256 over path, query and canonical body."
    )
    response_status = models.PositiveSmallIntegerField(
        help_text="HTTP status of the stored answer."
    )
    response_headers = models.JSONField(default=dict, help_text="Headers replayed with it.")
    response_body = models.BinaryField(help_text="The stored answer, as sent.")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(
        db_index=True, help_text="After this the key may be used anew."
    )
    unfinished_until = models.DateTimeField(
        null=True, help_text="Work follows this answer, and another answer; until then at most."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application_id", "user_id", "method", "route", "key"],
                name="idempotency_key_scope",
                nulls_distinct=False,
            ),
            # What may be replayed: an effect, or a refusal by the state of things.
            models.CheckConstraint(
                condition=Q(response_status__gte=200, response_status__lt=300)
                | Q(response_status=409),
                name="idempotency_stored_status",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.key[:16]}"


class OutboxEvent(models.Model):
    """Something that must leave this transaction: a task to run, or a domain event to announce.

    The envelope is id, type, object, sequence, schema version, actor and request id; the relay
    publishes rows at least once and, within a kind, in order per object. Written by
    core.outbox.publish and core.tasks.enqueue alone; see docs/subsystems/outbox.md.
    """

    class Kind(models.TextChoices):
        TASK = "task", "Task"
        EVENT = "event", "Event"

    position = models.BigAutoField(
        primary_key=True, help_text="Order of writing; the relay's order."
    )
    id = models.UUIDField(
        default=uuid7, unique=True, editable=False, help_text="Stable id for receivers."
    )
    kind = models.CharField(max_length=8, choices=Kind)
    type = models.CharField(
        max_length=100, help_text="Task name or event type, e.g. batch_prediction.succeeded."
    )
    object_type = models.CharField(max_length=50, help_text="e.g. batch_prediction.")
    object_id = models.CharField(max_length=64, help_text="Id of the object it is about.")
    sequence = models.PositiveBigIntegerField(
        help_text="1, 2, 3 ... per kind and object, in the order of their commits, without gaps."
    )
    schema_version = models.PositiveSmallIntegerField(default=1, help_text="Of the payload.")
    payload = models.JSONField(
        default=dict,
        encoder=DjangoJSONEncoder,
        help_text="The task's arguments or the event's data.",
    )
    actor_id = models.UUIDField(null=True, help_text="The user who caused it.")
    account_id = models.UUIDField(null=True, help_text="Of an event: whose matter it is.")
    application_id = models.UUIDField(null=True, help_text="The application concerned, if any.")
    is_public = models.BooleanField(
        default=False, db_default=False, help_text="Of an event: everybody may hear of it."
    )
    request_id = models.CharField(max_length=64, blank=True, help_text="X-Request-Id of the cause.")
    traceparent = models.CharField(
        max_length=55, blank=True, help_text="W3C trace context of the cause."
    )
    created_at = models.DateTimeField(db_default=Now())
    published_at = models.DateTimeField(null=True, help_text="When the relay handed it on.")
    attempts = models.PositiveIntegerField(default=0, help_text="Tries to publish that failed.")
    next_attempt_at = models.DateTimeField(db_default=Now(), help_text="Not tried before.")
    last_error = models.CharField(
        max_length=500, blank=True, help_text="Why the last try failed; empty: none did."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "object_type", "object_id", "sequence"],
                name="outbox_sequence_per_object",
            ),
            models.CheckConstraint(condition=Q(sequence__gte=1), name="outbox_sequence_from_one"),
            models.CheckConstraint(
                condition=Q(kind__in=["task", "event"]), name="outbox_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(is_public=False) | Q(account_id=None, application_id=None),
                name="outbox_public_is_nobodys",
            ),
        ]
        indexes = [
            # The relay reads each kind in order; the second finds what holds an object up.
            models.Index(
                fields=["kind", "position"],
                name="outbox_unpublished",
                condition=Q(published_at=None),
            ),
            models.Index(
                fields=["kind", "object_type", "object_id", "position"],
                name="outbox_unpublished_object",
                condition=Q(published_at=None),
            ),
            models.Index(
                fields=["published_at"], name="outbox_published", condition=~Q(published_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} #{self.sequence} of {self.object_type} {self.object_id}"


class AuditEntry(models.Model):
    """Who did what to which object, with what was there before and after, and why.

    A trigger refuses every UPDATE and DELETE: no role of the platform can change the past.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(db_default=Now(), db_index=True)
    actor_id = models.UUIDField(
        null=True, db_index=True, help_text="The user who acted; null: the system."
    )
    actor_name = models.CharField(max_length=150, blank=True, help_text="Their name at that time.")
    application_id = models.UUIDField(null=True)
    action = models.CharField(max_length=100, help_text="e.g. accounts.user.deactivated.")
    object_type = models.CharField(max_length=50)
    object_id = models.CharField(max_length=64)
    before = models.JSONField(
        null=True, encoder=DjangoJSONEncoder, help_text="The changed fields as they were."
    )
    after = models.JSONField(
        null=True, encoder=DjangoJSONEncoder, help_text="The changed fields as they are."
    )
    reason = models.CharField(max_length=500, blank=True, help_text="Why, in the actor's words.")
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["object_type", "object_id"], name="audit_by_object")]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"


class Revocation(models.Model):
    """Credentials of a subject that were issued before an instant are dead.

    Kept until the last of them has expired; each process holds them in memory (core.security).
    """

    class Kind(models.TextChoices):
        USER = "user", "User"
        FAMILY = "family", "Login"
        CREDENTIAL = "credential", "Credential"
        APPLICATION = "application", "Application"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=16, choices=Kind)
    subject = models.CharField(
        max_length=64, help_text="Id of the user, login, credential, application."
    )
    not_before = models.DateTimeField(help_text="Credentials issued at or before this are refused.")
    expires_at = models.DateTimeField(
        db_index=True, help_text="When none of them can be alive any more."
    )
    reason = models.CharField(max_length=100, help_text="e.g. user_deactivated.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject"], name="revocation_once_per_subject"),
            models.CheckConstraint(
                condition=Q(kind__in=["user", "family", "credential", "application"]),
                name="revocation_kind_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} before {self.not_before:%FT%TZ}"
