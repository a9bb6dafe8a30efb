"""How good versions are and how far their inputs have drifted, by day."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.ml_models.models.registry import ModelVersion
from core.ids import uuid7

SCORE = ""
"""As a feature's name: the score itself."""


class VersionQuality(models.Model):
    """One version on one day, as far as the truth is known; computed anew as more of it comes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="quality")
    day = models.DateField(help_text="UTC; of the predictions.")
    calls = models.PositiveBigIntegerField(help_text="Logged calls.")
    failed_calls = models.PositiveBigIntegerField(default=0)
    rows = models.PositiveBigIntegerField(help_text="Logged rows with a score.")
    truths = models.PositiveBigIntegerField(help_text="Rows whose truth is known.")
    positives = models.PositiveBigIntegerField(default=0, help_text="Of those, truly positive.")
    auc = models.FloatField(null=True, help_text="Null: not both classes are there.")
    log_loss = models.FloatField(null=True, help_text="In nats.")
    brier = models.FloatField(null=True, help_text="Mean squared error of the score.")
    calibration_error = models.FloatField(
        null=True, help_text="Expected calibration error over ten equal-width bins."
    )
    mean_score = models.FloatField(null=True)
    bins = models.JSONField(
        default=list,
        help_text="Ten bins of the score: rows, truths, positives, sum of scores of known rows.",
    )
    latency_us = models.JSONField(default=dict, help_text="p50, p95, p99 of logged calls.")
    computed_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "version qualities"
        constraints = [
            models.UniqueConstraint(fields=["version", "day"], name="version_quality_once"),
            models.CheckConstraint(
                name="version_quality_auc",
                condition=Q(auc__isnull=True) | (Q(auc__gte=0.0) & Q(auc__lte=1.0)),
            ),
        ]
        indexes = [models.Index(fields=["day"], name="version_quality_by_day")]

    def __str__(self) -> str:
        return f"{self.version_id} on {self.day}"


class DriftReference(models.Model):
    """How one feature, or the score, was spread when the version was trained."""

    class Source(models.TextChoices):
        TRAINING = "training", "Declared with the upload"
        FIRST_CALLS = "first_calls", "The first logged predictions"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="references")
    feature = models.CharField(max_length=128, blank=True, help_text="Empty: the score.")
    edges = models.JSONField(
        help_text="Inner edges of the bins, ascending; for categories the values in order."
    )
    counts = models.JSONField(help_text="Rows in each bin.")
    rows = models.PositiveBigIntegerField()
    calls = models.PositiveBigIntegerField(
        null=True, help_text="Calls that the rows came in; null: each row stands for itself."
    )
    source = models.CharField(max_length=16, choices=Source)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "feature"], name="drift_reference_once"),
            models.CheckConstraint(
                name="drift_reference_source_known",
                condition=Q(source__in=["training", "first_calls"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.feature or 'score'} of {self.version_id}"


class DriftReading(models.Model):
    """How far one feature, or the score, of one day is from its reference."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="drift")
    day = models.DateField(help_text="UTC; of the predictions.")
    feature = models.CharField(max_length=128, blank=True, help_text="Empty: the score.")
    rows = models.PositiveBigIntegerField()
    psi = models.FloatField(help_text="Population stability index.")
    threshold = models.FloatField(
        help_text="max(0.1, (1/n + 1/m) times the chi-squared quantile), Bonferroni over features."
    )
    drifted = models.BooleanField()
    counts = models.JSONField(help_text="Rows in each bin of the reference.")
    announced = models.BooleanField(default=False, help_text="Whether an event told of it.")
    computed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "day", "feature"], name="drift_reading_once"
            ),
            models.CheckConstraint(name="drift_reading_psi", condition=Q(psi__gte=0.0)),
        ]
        indexes = [models.Index(fields=["day"], name="drift_reading_by_day")]

    def __str__(self) -> str:
        return f"{self.feature or 'score'} on {self.day}: {self.psi:.3f}"
