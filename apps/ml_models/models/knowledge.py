"""What a version knows of itself beside its artefact: card, origin, tags, and each move it made."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.ml_models.models.registry import ModelVersion, RegisteredModel
from core.db.models import BaseModel
from core.ids import uuid7

CARD_MAX = 65_536  # characters of a model card
TAG_KEY_MAX = 250  # characters, as MLflow has it
TAG_VALUE_MAX = 5_000


class VersionCard(BaseModel):
    """What people say of a version: card and description may be edited, its origin may not."""

    version = models.OneToOneField(ModelVersion, on_delete=models.PROTECT, related_name="card")
    description = models.CharField(max_length=2_000, blank=True, help_text="One or two sentences.")
    text = models.TextField(
        max_length=CARD_MAX,
        blank=True,
        help_text="Model card in Markdown: use, limits, data, ethics.",
    )
    training_data_digest = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the training data, hex."
    )
    training = models.JSONField(
        default=dict, blank=True, help_text="Parameters, rows, times of the training, as declared."
    )
    frameworks = models.JSONField(
        default=dict, blank=True, help_text='Versions it was trained with: {"keras": "3.15.1"}.'
    )
    run_id = models.CharField(
        max_length=64, blank=True, help_text="The experiment's run that made it, as declared."
    )
    source = models.CharField(
        max_length=500, blank=True, help_text="Where it comes from, as declared; never fetched."
    )
    parent = models.ForeignKey(
        ModelVersion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The version it was made from, of this or another model.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="version_card_data_digest",
                condition=Q(training_data_digest="")
                | Q(training_data_digest__regex=r"^[0-9a-f]{64}$"),
            ),
            models.CheckConstraint(
                name="version_card_other_parent",
                condition=Q(parent__isnull=True) | ~Q(parent=F("version")),
            ),
        ]

    def __str__(self) -> str:
        return f"card of {self.version_id}"


class RegistryTag(models.Model):
    """A key and a value on a model, or on one of its versions."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="tags")
    version = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="tags"
    )
    key = models.CharField(max_length=TAG_KEY_MAX)
    value = models.CharField(max_length=TAG_VALUE_MAX, blank=True)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model", "version", "key"],
                nulls_distinct=False,
                name="registry_tag_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class VersionTransition(models.Model):
    """A move of a version between states: who, when, why, of which bytes. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="transitions")
    from_state = models.CharField(max_length=16, blank=True, help_text="Empty: it was made.")
    to_state = models.CharField(max_length=16)
    at = models.DateTimeField(db_default=Now())
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the platform itself.",
    )
    application_id = models.UUIDField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True, help_text="In the actor's words.")
    reason_code = models.CharField(max_length=64, blank=True, help_text="Of a rejection, stable.")
    sha256 = models.CharField(
        max_length=64,
        blank=True,
        help_text="SHA-256 of what moved: the upload until it is ready, then the artefact.",
    )
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [models.Index(fields=["version", "id"], name="version_transition_by_version")]

    def __str__(self) -> str:
        return f"{self.from_state or 'nothing'} to {self.to_state}"
