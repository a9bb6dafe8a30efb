"""Canaries, shadows and what they have shown, in and out."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.ml_models.models import LoggedPrediction, TrafficSplit
from apps.ml_models.services.traffic import DEFAULT_GUARD
from core.api.serializers import InputSerializer, OutputSerializer
from core.audit import REASON_MAX

STEPS: Final = 100  # of a per cent: shares are kept in basis points
ROUNDING: Final = 1e-6  # of a basis point; 0.07 times 100 is no whole number in binary
RATIO_MAX: Final = 1_000.0
PSI_MAX: Final = 100.0
CALLS_MAX: Final = 10_000

ERROR_SHARE = "Share of failed calls, 0 to 1; null: no limit."
LATENCY_RATIO = "95th percentile of its latency to that of the alias's own version; null: no limit."
SCORE_PSI = "Population stability index of its scores against the own version's; null: no limit."
MIN_CALLS = "Calls that it must have answered before it is judged."


class PercentField(serializers.FloatField):
    """A share in per cent, in steps of a hundredth; inside it is basis points."""

    default_error_messages = {"steps": "This must be a multiple of 0.01."}

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - DRF's own
        super().__init__(min_value=0.0, max_value=100.0, **options)

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401 - DRF's signature
        percent = super().to_internal_value(data)
        if abs(percent * STEPS - round(percent * STEPS)) > ROUNDING:
            self.fail("steps")
        return percent

    def to_representation(self, value: Any) -> Any:  # noqa: ANN401 - DRF's signature
        return value / STEPS


def basis_points(percent: float) -> int:
    """What the field has let through, as it is kept."""
    return round(percent * STEPS)


class GuardIn(InputSerializer[None]):
    max_error_share = serializers.FloatField(
        required=False,
        allow_null=True,
        default=DEFAULT_GUARD.max_error_share,
        min_value=0.0,
        max_value=1.0,
        help_text=ERROR_SHARE,
    )
    max_latency_ratio = serializers.FloatField(
        required=False,
        allow_null=True,
        default=DEFAULT_GUARD.max_latency_ratio,
        min_value=1.0,
        max_value=RATIO_MAX,
        help_text=LATENCY_RATIO,
    )
    max_score_psi = serializers.FloatField(
        required=False,
        allow_null=True,
        default=DEFAULT_GUARD.max_score_psi,
        min_value=0.0,
        max_value=PSI_MAX,
        help_text=SCORE_PSI,
    )
    min_calls = serializers.IntegerField(
        required=False,
        default=DEFAULT_GUARD.min_calls,
        min_value=1,
        max_value=CALLS_MAX,
        help_text=MIN_CALLS,
    )


class ShadowIn(InputSerializer[None]):
    version = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, help_text="The candidate, another than the alias's own."
    )
    percent = PercentField(help_text="Share of the calls, in steps of 0.01.")
    reason = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=REASON_MAX,
        help_text="Why, for the audit trail.",
    )


class CanaryIn(ShadowIn):
    percent = PercentField(
        help_text="Share of the callers, in steps of 0.01; 0 pauses it. More than 50 of `champion` "
        "must pass its gate."
    )
    override_reason = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=REASON_MAX,
        help_text="Why a gate that does not let it have more than 50 % shall not count; kept in "
        "the audit trail.",
    )
    guard = GuardIn(
        required=False,
        help_text="When it is taken away by itself; without it the limits stay as they are.",
    )


class GuardOut(OutputSerializer[Any]):
    max_error_share = serializers.FloatField(allow_null=True, help_text=ERROR_SHARE)
    max_latency_ratio = serializers.FloatField(allow_null=True, help_text=LATENCY_RATIO)
    max_score_psi = serializers.FloatField(allow_null=True, help_text=SCORE_PSI)
    min_calls = serializers.IntegerField(help_text=MIN_CALLS)


class ShadowOut(OutputSerializer[Any]):
    alias = serializers.CharField()
    version = serializers.IntegerField(source="version.number", help_text="The candidate.")
    base_version = serializers.IntegerField(
        source="base.number", help_text="The alias's own; when that moves, this ends."
    )
    percent = PercentField(source="share")
    state = serializers.ChoiceField(choices=TrafficSplit.State.choices)
    reason = serializers.CharField(help_text="In the words of whoever started or changed it.")
    started_at = serializers.DateTimeField(source="created_at")
    updated_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True, help_text="Null while it is active.")
    end_code = serializers.CharField(
        help_text="Why it ended, stable: stopped, replaced, promoted, alias_moved, alias_deleted, "
        "error_share, latency_ratio or score_psi."
    )
    end_detail = serializers.CharField(help_text="Of one that was taken away by itself: why.")


@extend_schema_field({"type": "object", "additionalProperties": {"type": "number"}})
class FiguresField(serializers.Field[Any, Any, Any, Any]):
    """Numbers by name."""

    def to_representation(self, value: Any) -> Any:  # noqa: ANN401 - DRF's signature
        return value


class CanaryOut(ShadowOut):
    guard = GuardOut(source="*")
    observed = FiguresField(
        help_text="What the guard saw at its last look: calls, failures and callers, the same of "
        "the alias's own version (`own_`), and what each limit is compared with."
    )
    observed_at = serializers.DateTimeField(allow_null=True, help_text="Null before the first.")


class IntervalOut(OutputSerializer[Any]):
    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


def _interval(text: str, **options: Any) -> IntervalOut:  # noqa: ANN401 - DRF's own
    return IntervalOut(allow_null=True, help_text=f"{text} Null: not known.", **options)


class ArmOut(OutputSerializer[Any]):
    arm = serializers.ChoiceField(
        choices=LoggedPrediction.Arm.choices, help_text="The alias's own (main), or its canary."
    )
    version = serializers.IntegerField()
    calls = serializers.IntegerField(source="sums.calls", help_text="Logged ones.")
    callers = serializers.IntegerField(source="sums.callers")
    rows = serializers.IntegerField(source="sums.rows", help_text="Of these calls, logged or not.")
    failures = serializers.IntegerField(source="sums.failures", help_text="Calls not answered.")
    error_share = _interval("Of calls (Wilson).")
    latency_p50_us = serializers.FloatField(
        source="sums.latency_p50_us", allow_null=True, help_text="Microseconds."
    )
    latency_p95_us = serializers.FloatField(
        source="sums.latency_p95_us", allow_null=True, help_text="Microseconds."
    )
    scores = serializers.IntegerField(source="sums.scores", help_text="Logged rows with a score.")
    mean_score = _interval("Student's t.")
    positive_share = _interval("Of scores at or above the decision threshold (Wilson).")
    truths = serializers.IntegerField(source="known", help_text="Rows whose truth is 0 or 1.")
    positives = serializers.IntegerField(help_text="Of these, truly positive.")
    accuracy = _interval("Of these, decided right (Wilson).")
    auc = _interval("Area under the ROC curve (DeLong).")
    brier = _interval("Mean squared error of the score (Student's t).")
    calibration_error = serializers.FloatField(
        allow_null=True, help_text="Expected calibration error over ten bins. Null: not known."
    )


class DifferenceOut(OutputSerializer[Any]):
    measure = serializers.CharField(
        help_text="error_share, positive_share, mean_score, accuracy, auc or brier."
    )
    difference = serializers.FloatField(
        source="interval.value", help_text="The canary's less the alias's own."
    )
    low = serializers.FloatField(source="interval.low")
    high = serializers.FloatField(source="interval.high")
    verdict = serializers.CharField(help_text="A sentence; empty while the interval holds 0.")


class ShadowComparisonOut(OutputSerializer[Any]):
    version = serializers.IntegerField()
    calls = serializers.IntegerField(help_text="That it was asked.")
    failures = serializers.IntegerField(help_text="Of these, that it could not take or answer.")
    own_failures = serializers.IntegerField(help_text="That the caller's version could not.")
    error_share = _interval("Of calls (Wilson).")
    rows = serializers.IntegerField(help_text="With a score from both.")
    mean_difference = serializers.FloatField(allow_null=True, help_text="Of scores, absolute.")
    difference_p50 = serializers.FloatField(allow_null=True)
    difference_p95 = serializers.FloatField(allow_null=True)
    difference_p99 = serializers.FloatField(allow_null=True)
    largest_difference = serializers.FloatField(allow_null=True)
    flips = serializers.IntegerField(help_text="Rows on whose decision the two differ.")
    flip_share = _interval("Of rows (Wilson).")
    latency_p50_us = serializers.FloatField(
        allow_null=True, help_text="Microseconds; a call's share of the batch it was run in."
    )
    latency_p95_us = serializers.FloatField(allow_null=True, help_text="Likewise.")


class ComparisonOut(OutputSerializer[Any]):
    model = serializers.CharField()
    alias = serializers.CharField()
    since_at = serializers.DateTimeField(source="since", help_text="Since the split started.")
    until_at = serializers.DateTimeField(
        source="until", allow_null=True, help_text="Null: it goes on."
    )
    arms = ArmOut(many=True, help_text="Of each the newest 100,000 logged calls.")
    differences = DifferenceOut(many=True, help_text="Of what both arms have, at 95 %.")
    shadow = ShadowComparisonOut(allow_null=True, help_text="Null: there never was one.")
