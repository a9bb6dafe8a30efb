"""Logged predictions, and what turned out to be true of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.ml_models.models import LoggedPrediction
from core.api.serializers import InputSerializer, OutputSerializer

if TYPE_CHECKING:
    from apps.ml_models.models import PredictionTruth

_TRUTH = {
    "description": "One value, or a list of one for each row of the call. A class by its label or "
    "its position from 0; a number where the model answers with one; null: not known.",
    "oneOf": [
        {"type": "string"},
        {"type": "number"},
        {"type": "boolean"},
        {
            "type": "array",
            "items": {
                "oneOf": [
                    {"type": "string"},
                    {"type": "number"},
                    {"type": "boolean"},
                    {"type": "null"},
                ]
            },
        },
        {"type": "null"},
    ],
}


@extend_schema_field(_TRUTH)
class TruthField(serializers.Field[object, object, object, object]):
    """What is true; the model's signature judges it."""

    json_types = (str, int, float, bool, list)

    def to_internal_value(self, data: object) -> object:
        return data

    def to_representation(self, value: object) -> object:
        return value


class FeedbackIn(InputSerializer[None]):
    truth = TruthField(allow_null=True)


class TruthOut(OutputSerializer[Any]):
    truths = serializers.ListField(
        child=serializers.FloatField(allow_null=True),
        help_text="One a row: 0 or 1, the position of a class, or a number; null: not known.",
    )
    received_at = serializers.DateTimeField(help_text="When the last word came.")


class FeedbackOut(TruthOut):
    prediction_id = serializers.UUIDField(source="id")


class PredictionSummaryOut(OutputSerializer[LoggedPrediction]):
    id = serializers.UUIDField(help_text="The answer's `prediction_id`.")
    created_at = serializers.DateTimeField(source="at", help_text="When the answer was ready.")
    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.number", help_text="The one that answered.")
    alias = serializers.CharField(help_text="The alias asked for; empty: a version by its number.")
    arm = serializers.ChoiceField(
        choices=LoggedPrediction.Arm.choices,
        help_text="Who answered: the alias's own version, a canary, or one asked for by number.",
    )
    rows = serializers.IntegerField(help_text="Of the call.")
    outcome = serializers.CharField(help_text="ok, or the code of what went wrong.")
    latency_us = serializers.IntegerField(help_text="Microseconds from features to outputs.")
    application_id = serializers.UUIDField(
        allow_null=True, help_text="The calling application; null for a person's own login."
    )
    request_id = serializers.CharField(help_text="X-Request-Id of the answer.")


def _received_at(row: Any) -> object:  # noqa: ANN401 - a row with its truth beside it
    truth: PredictionTruth | None = getattr(row, "truth", None)
    return None if truth is None else truth.received_at


class PredictionLogOut(PredictionSummaryOut):
    beside = {"truth": _received_at}

    features = serializers.ListField(
        child=serializers.ListField(),
        allow_null=True,
        help_text="The rows that are kept, the first ones, each a list in the signature's order; "
        "null: rows of this model are too large to keep.",
    )
    scores = serializers.ListField(
        child=serializers.FloatField(),
        allow_null=True,
        help_text="The score of each kept row; null: the version failed.",
    )
    classes = serializers.ListField(
        child=serializers.IntegerField(),
        allow_null=True,
        help_text="Which class each score is of; null: the output is one number.",
    )
    outputs = serializers.DictField(
        allow_null=True, help_text="All outputs of the kept rows; null: the score is all."
    )
    truth = TruthOut(allow_null=True, help_text="Null: nobody has said yet.")
