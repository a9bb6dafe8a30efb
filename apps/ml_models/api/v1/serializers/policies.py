"""A model's policy, in and out."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from apps.ml_models.models import ModelPolicy
from apps.ml_models.models.promotions import LATENCY_US, LOG_DAYS, SCORE_MAX, SHARE
from core.api.serializers import InputSerializer, OutputSerializer
from core.audit import REASON_MAX

NAME_MAX: Final = 64  # characters of a metric's or an output's name
INDEX_MAX: Final = 32_767  # of a position in an output


def _help(name: str) -> str:
    """What the column says of itself."""
    column: Any = ModelPolicy._meta.get_field(name)  # noqa: SLF001 - Django's documented API
    return str(column.help_text)


LOWER_IS_BETTER: Final = "Whether a smaller metric is the better one, as of an error."


class ModelPolicyOut(OutputSerializer[Any]):
    model = serializers.CharField(source="model.name")
    four_eyes = serializers.BooleanField(help_text=_help("four_eyes"))
    four_eyes_off_by = serializers.UUIDField(
        source="four_eyes_off_by_id", allow_null=True, help_text=_help("four_eyes_off_by")
    )
    gate_metric = serializers.CharField(help_text=_help("gate_metric"))
    gate_lower_is_better = serializers.BooleanField(help_text=LOWER_IS_BETTER)
    gate_tolerance = serializers.FloatField(help_text=_help("gate_tolerance"))
    gate_latency_us = serializers.IntegerField(allow_null=True, help_text=_help("gate_latency_us"))
    gate_max_flips = serializers.FloatField(allow_null=True, help_text=_help("gate_max_flips"))
    decision_threshold = serializers.FloatField(help_text=_help("decision_threshold"))
    score_output = serializers.CharField(help_text=_help("score_output"))
    score_index = serializers.IntegerField(allow_null=True, help_text=_help("score_index"))
    log_share = serializers.FloatField(help_text=_help("log_share"))
    log_days = serializers.IntegerField(help_text=_help("log_days"))
    updated_at = serializers.DateTimeField(
        allow_null=True, help_text="Null: these are the defaults, nobody has changed anything."
    )


class ModelPolicyPatchIn(InputSerializer[None]):
    """Fields that are not sent stay as they are."""

    four_eyes = serializers.BooleanField(
        required=False,
        help_text="true: at once. false: when two people have sent it; until then "
        "`four_eyes_off_by` says who was the first.",
    )
    gate_metric = serializers.CharField(
        required=False, allow_blank=True, max_length=NAME_MAX, help_text=_help("gate_metric")
    )
    gate_lower_is_better = serializers.BooleanField(required=False, help_text=LOWER_IS_BETTER)
    gate_tolerance = serializers.FloatField(
        required=False, min_value=0.0, max_value=SCORE_MAX, help_text=_help("gate_tolerance")
    )
    gate_latency_us = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=LATENCY_US[0],
        max_value=LATENCY_US[1],
        help_text=_help("gate_latency_us"),
    )
    gate_max_flips = serializers.FloatField(
        required=False,
        allow_null=True,
        min_value=SHARE[0],
        max_value=SHARE[1],
        help_text=_help("gate_max_flips"),
    )
    decision_threshold = serializers.FloatField(
        required=False,
        min_value=-SCORE_MAX,
        max_value=SCORE_MAX,
        help_text=_help("decision_threshold"),
    )
    score_output = serializers.CharField(
        required=False, allow_blank=True, max_length=NAME_MAX, help_text=_help("score_output")
    )
    score_index = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=INDEX_MAX,
        help_text=_help("score_index"),
    )
    log_share = serializers.FloatField(
        required=False, min_value=SHARE[0], max_value=SHARE[1], help_text=_help("log_share")
    )
    log_days = serializers.IntegerField(
        required=False, min_value=LOG_DAYS[0], max_value=LOG_DAYS[1], help_text=_help("log_days")
    )
    reason = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=REASON_MAX,
        help_text="Why, for the audit trail.",
    )
