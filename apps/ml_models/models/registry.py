"""The registry: models, their immutable numbered versions, and the aliases callers use."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from core.db.models import BaseModel

NAME_PATTERN = r"[A-Za-z0-9_.-]{1,64}"
ALIAS_PATTERN = r"[a-z0-9_-]{1,64}"
RESERVED_NAMES = ("stats", "ready", "config", "versions", "aliases", "predict")
"""Refused as names, because serving protocols give them a meaning of their own in paths."""
CHAMPION = "champion"
"""The alias that a call gets which names neither version nor alias."""


class RegisteredModel(BaseModel):
    """A named model: a stream of versions, of which aliases pick the ones in use."""

    name = models.CharField(
        max_length=64,
        help_text="Letters, digits, `_`, `.`, `-`; case makes no difference. E.g. purchase-intent.",
    )
    description = models.TextField(blank=True, help_text="What it predicts, for whom.")
    is_default = models.BooleanField(
        default=False, help_text="The model that POST /predict asks when the caller names none."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who registered it; empty: the platform itself.",
    )
    application_id = models.UUIDField(
        null=True, blank=True, help_text="The application that registered it, if any."
    )

    class Meta:
        verbose_name = "registered model"
        constraints = [
            models.UniqueConstraint(Lower("name"), name="registered_model_name_unique"),
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="one_default_model"
            ),
            models.CheckConstraint(
                name="registered_model_name_allowed",
                condition=Q(name__regex=rf"^{NAME_PATTERN}$")
                & ~Q(name__in=(".", ".."))
                & ~Q(name__iregex=rf"^({'|'.join(RESERVED_NAMES)})$"),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ModelVersion(BaseModel):
    """One trained model, numbered from 1 within its registered model; never changed once ready.

    uploaded -> validating -> ready -> retired, or rejected from either of the first two. Services
    make the moves; a trigger refuses every other one, and any change to what a ready version is.
    """

    class State(models.TextChoices):
        UPLOADED = "uploaded", "Uploaded"
        VALIDATING = "validating", "Validating"
        READY = "ready", "Ready"
        REJECTED = "rejected", "Rejected"
        RETIRED = "retired", "Retired"

    class Engine(models.TextChoices):
        LITERT = "litert", "LiteRT"
        TENSORFLOW = "tensorflow", "TensorFlow"

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(help_text="1, 2, 3 ... within the model.")
    state = models.CharField(max_length=16, choices=State, default=State.UPLOADED)
    reason_code = models.CharField(
        max_length=64, blank=True, help_text="Why it was rejected, stable, e.g. class_not_allowed."
    )
    reason_pointer = models.CharField(
        max_length=500, blank=True, help_text="JSON Pointer to what was refused, if it has a place."
    )
    reason_detail = models.CharField(
        max_length=500, blank=True, help_text="The same in a sentence."
    )
    upload_digest = models.CharField(max_length=64, help_text="SHA-256 of the uploaded file, hex.")
    upload_bytes = models.PositiveBigIntegerField(help_text="Size of the uploaded file.")
    declared_signature = models.JSONField(
        null=True, blank=True, help_text="The signature document sent with the upload, if any."
    )
    artefact_digest = models.CharField(
        max_length=64,
        blank=True,
        help_text="SHA-256 of the manifest, hex; names the whole artefact.",
    )
    manifest = models.JSONField(
        null=True, blank=True, help_text="Files of the artefact with digests; has a schema_version."
    )
    engine = models.CharField(
        max_length=16, choices=Engine, blank=True, help_text="The fastest engine that can run it."
    )
    signature = models.JSONField(
        null=True,
        blank=True,
        help_text="Features and outputs, in order, with ranges and vocabularies.",
    )
    validation_report = models.JSONField(
        default=dict, blank=True, help_text="Engines with their latencies; the sandbox it ran in."
    )
    metrics = models.JSONField(default=dict, blank=True, help_text='E.g. {"auc": 0.927}.')
    size_bytes = models.PositiveBigIntegerField(
        default=0, help_text="Of all files of the artefact."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who uploaded it; empty: the platform itself.",
    )
    application_id = models.UUIDField(
        null=True, blank=True, help_text="The application that uploaded it, if any."
    )
    validation_token = models.UUIDField(null=True, blank=True, help_text="Fences the validation.")
    validation_lease_until = models.DateTimeField(
        null=True, blank=True, help_text="After this another worker may validate it."
    )
    validation_attempts = models.PositiveSmallIntegerField(default=0)
    validated_at = models.DateTimeField(
        null=True, blank=True, help_text="When it became ready or was rejected."
    )
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "model version"
        constraints = [
            models.UniqueConstraint(fields=["model", "number"], name="model_version_number_unique"),
            models.CheckConstraint(name="model_version_number_from_1", condition=Q(number__gte=1)),
            models.CheckConstraint(
                name="model_version_state_known",
                condition=Q(state__in=["uploaded", "validating", "ready", "rejected", "retired"]),
            ),
            models.CheckConstraint(
                name="model_version_complete_when_ready",
                condition=~Q(state__in=["ready", "retired"])
                | (
                    Q(artefact_digest__regex=r"^[0-9a-f]{64}$")
                    & Q(manifest__isnull=False)
                    & Q(signature__isnull=False)
                    & Q(engine__in=["litert", "tensorflow"])
                    & Q(validated_at__isnull=False)
                ),
            ),
            models.CheckConstraint(
                name="model_version_reason_when_rejected",
                condition=Q(state="rejected") ^ Q(reason_code=""),
            ),
            models.CheckConstraint(
                name="model_version_retired_at",
                condition=Q(state="retired", retired_at__isnull=False)
                | (~Q(state="retired") & Q(retired_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="model_version_leased_while_validating",
                condition=Q(state="validating", validation_token__isnull=False)
                | (~Q(state="validating") & Q(validation_token__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(
                fields=["state", "validation_lease_until"],
                name="model_version_to_validate",
                condition=Q(state__in=["uploaded", "validating"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model.name}:{self.number}"


class ModelAlias(BaseModel):
    """A movable name for a version: callers of `champion` get whichever version it points at."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="aliases")
    alias = models.CharField(
        max_length=64, help_text="Lower-case letters, digits, `_` and `-`, e.g. champion."
    )
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="aliases")
    generation = models.PositiveBigIntegerField(
        help_text="The routing generation in which it came to point there."
    )

    class Meta:
        verbose_name_plural = "model aliases"
        constraints = [
            models.UniqueConstraint(fields=["model", "alias"], name="model_alias_unique"),
            models.CheckConstraint(
                name="model_alias_allowed", condition=Q(alias__regex=rf"^{ALIAS_PATTERN}$")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model.name}@{self.alias}"


class RoutingGeneration(models.Model):
    """One row with one number, which every change of routing moves in its own transaction.

    A process that sees the number it knows has nothing to read; its lock puts changes in order.
    """

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    generation = models.PositiveBigIntegerField(default=0, help_text="Moves by one at each change.")

    class Meta:
        constraints = [
            models.CheckConstraint(name="routing_generation_is_one_row", condition=Q(id=1)),
        ]

    def __str__(self) -> str:
        return f"generation {self.generation}"
