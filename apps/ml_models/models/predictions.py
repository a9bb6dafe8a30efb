"""The prediction log: sampled calls with features and scores, shadows beside them, the truth later.

All three are partitioned by the day of the prediction, and none has foreign keys in the database:
they are written in batches off the path of the call, and dropped by the day.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.ml_models.models.registry import ModelVersion
from core.ids import uuid7

OK = "ok"
"""The outcome of a call that was answered; otherwise the code of what went wrong."""


class LoggedPrediction(models.Model):
    """One sampled call: what was asked of which version, and what it answered."""

    class Arm(models.TextChoices):
        MAIN = "main", "The alias's own version"
        CANARY = "canary", "A canary"
        DIRECT = "direct", "A version asked for by number"

    id = models.UUIDField(
        primary_key=True, default=uuid7, editable=False, help_text="The answer's prediction_id."
    )
    day = models.DateField(help_text="UTC; the partition; that of the id.")
    at = models.DateTimeField(help_text="When the answer was ready (UTC).")
    model_id = models.UUIDField()
    version = models.ForeignKey(
        ModelVersion,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        help_text="The version that answered. A way to its name, not a constraint.",
    )
    alias = models.CharField(max_length=64, blank=True, help_text="Empty: asked for by number.")
    arm = models.CharField(max_length=16, choices=Arm)
    user_id = models.UUIDField(null=True, help_text="On whose behalf; empty: erased.")
    application_id = models.UUIDField(null=True, help_text="The calling application, if any.")
    caller = models.CharField(
        max_length=64, blank=True, help_text="What the traffic split hashed; empty: erased."
    )
    request_id = models.CharField(max_length=64, blank=True)
    rows = models.PositiveIntegerField(help_text="Of the call, logged or not.")
    features = models.JSONField(
        null=True,
        help_text="Kept rows, each a list in the signature's order; null: erased, or too large.",
    )
    scores = ArrayField(
        models.FloatField(), null=True, help_text="One a logged row; null: erased or not answered."
    )
    classes = ArrayField(
        models.PositiveIntegerField(),
        null=True,
        help_text="Position of the class that each score is of; null: the output is one number.",
    )
    outputs = models.JSONField(null=True, help_text="Whole outputs where a score is not all.")
    outcome = models.CharField(max_length=64, help_text="ok, or the code of what went wrong.")
    latency_us = models.PositiveIntegerField(help_text="From features to outputs.")
    sampled = models.BooleanField(
        db_default=True,
        help_text="Of the random share; no: logged for a canary, a shadow, or since asked for.",
    )

    row_version = 1

    class Meta:
        indexes = [
            models.Index(fields=["version_id", "-id"], name="logged_by_version"),
            models.Index(fields=["model_id", "-id"], name="logged_by_model"),
            models.Index(fields=["user_id", "-id"], name="logged_by_user"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class ShadowPrediction(models.Model):
    """What a shadow, asked the same as a logged call, would have answered."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    day = models.DateField(help_text="UTC; that of the prediction it shadows.")
    prediction_id = models.UUIDField()
    split_id = models.UUIDField()
    version_id = models.UUIDField(help_text="The shadow.")
    scores = ArrayField(models.FloatField(), null=True, help_text="One a row; null: it failed.")
    classes = ArrayField(
        models.PositiveIntegerField(),
        null=True,
        help_text="Position of the class that each score is of; null: the output is one number.",
    )
    outcome = models.CharField(max_length=64, help_text="ok, or the code of what went wrong.")
    latency_us = models.PositiveIntegerField(help_text="Its share of the batch it was run in.")

    row_version = 1

    class Meta:
        indexes = [
            models.Index(fields=["split_id", "-id"], name="shadow_by_split"),
            models.Index(fields=["prediction_id"], name="shadow_by_prediction"),
        ]

    def __str__(self) -> str:
        return f"shadow of {self.prediction_id}"


class PredictionTruth(models.Model):
    """What turned out to be true of a logged prediction; the last word stands."""

    id = models.UUIDField(
        primary_key=True, editable=False, help_text="The prediction_id it is about."
    )
    day = models.DateField(help_text="UTC; that of the prediction.")
    model_id = models.UUIDField()
    version_id = models.UUIDField()
    truths = ArrayField(
        models.FloatField(null=True),
        help_text="One a row: 0 or 1, a class's position, or a number; null: not known.",
    )
    received_at = models.DateTimeField(help_text="When the last word came (UTC).")
    user_id = models.UUIDField(null=True, help_text="Who said so.")
    application_id = models.UUIDField(null=True)

    row_version = 1

    class Meta:
        indexes = [
            models.Index(fields=["version_id", "day", "received_at"], name="truth_by_version")
        ]

    def __str__(self) -> str:
        return f"truth of {self.pk}"
