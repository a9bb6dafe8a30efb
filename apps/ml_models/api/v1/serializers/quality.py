"""Quality and drift of a version by day."""

from __future__ import annotations

from rest_framework import serializers

from apps.ml_models.models import DriftReading, VersionQuality
from core.api.serializers import ComputedField, OutputSerializer


class QualityBinOut(OutputSerializer[object]):
    """Scores from n/10 to (n+1)/10."""

    rows = serializers.IntegerField(help_text="Logged rows.")
    truths = serializers.IntegerField(help_text="Of these, with a known truth.")
    positives = serializers.IntegerField(help_text="Of these, truly positive.")
    score_sum = serializers.FloatField(help_text="Sum of the scores of rows with a known truth.")


class LatencyOut(OutputSerializer[object]):
    p50 = serializers.IntegerField(required=False)
    p95 = serializers.IntegerField(required=False)
    p99 = serializers.IntegerField(required=False)


class QualityOut(OutputSerializer[VersionQuality]):
    day = serializers.DateField(help_text="UTC; of the predictions.")
    calls = serializers.IntegerField(help_text="Logged calls.")
    failed_calls = serializers.IntegerField(help_text="Of these, those that the version failed.")
    rows = serializers.IntegerField(help_text="Logged rows with a score.")
    truths = serializers.IntegerField(help_text="Of these, with a known truth.")
    positives = serializers.IntegerField(help_text="Of these, truly positive.")
    auc = serializers.FloatField(
        allow_null=True,
        help_text="Area under the ROC curve; null: not both classes are there.",
    )
    log_loss = serializers.FloatField(allow_null=True, help_text="In nats.")
    brier = serializers.FloatField(allow_null=True, help_text="Mean squared error of the score.")
    calibration_error = serializers.FloatField(
        allow_null=True, help_text="Expected calibration error over the bins."
    )
    mean_score = serializers.FloatField(allow_null=True)
    bins = ComputedField(
        lambda bins: bins,
        of=("bins",),
        shape=QualityBinOut(many=True),
        help_text="Ten bins of the score; empty where scores are no probabilities.",
    )
    latency_us = ComputedField(
        lambda latency: latency,
        of=("latency_us",),
        shape=LatencyOut(),
        help_text="Microseconds; empty where no call was answered.",
    )
    computed_at = serializers.DateTimeField()


class DriftOut(OutputSerializer[DriftReading]):
    day = serializers.DateField(help_text="UTC; of the predictions.")
    feature = ComputedField(
        lambda feature: feature or None,
        of=("feature",),
        shape=serializers.CharField(allow_null=True),
        help_text="Its name; null: the score.",
    )
    rows = serializers.IntegerField(help_text="Logged rows that were looked at.")
    psi = serializers.FloatField(help_text="Population stability index; 0: nothing has moved.")
    threshold = serializers.FloatField(
        help_text="Above it the difference is more than chance, and enough to matter."
    )
    drifted = serializers.BooleanField()
    counts = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Rows in each bin of the reference, then others of a category, then missing.",
    )
    computed_at = serializers.DateTimeField()
