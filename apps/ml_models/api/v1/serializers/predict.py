"""Predictions as the schema shows them; the view checks and renders without these, for speed."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.serializers import InputSerializer, OutputSerializer

_FEATURES = {
    "description": "Rows: a list of lists in the signature's order, or of objects by feature name; "
    "or one row alone.",
    "oneOf": [
        {"type": "array", "items": {}},
        {"type": "object", "additionalProperties": {}},
    ],
}
_PREDICTION = {
    "description": "For each row its outputs, in the order of the rows; a model with several named "
    "outputs answers with an object of lists for each row.",
    "type": "array",
    "items": {
        "oneOf": [
            {"type": "array", "items": {}},
            {"type": "object", "additionalProperties": {"type": "array", "items": {}}},
        ]
    },
}


@extend_schema_field(_FEATURES)
class FeaturesField(serializers.Field[object, object, object, object]):
    """Rows in any of their forms; the signature judges them."""

    json_types = (list, dict)

    def to_internal_value(self, data: object) -> object:
        return data

    def to_representation(self, value: object) -> object:
        return value


@extend_schema_field(_PREDICTION)
class PredictionField(serializers.Field[object, object, object, object]):
    """A list of output lists."""

    def to_representation(self, value: object) -> object:
        return value


class PredictNamedIn(InputSerializer[None]):
    features = FeaturesField()


class PredictIn(PredictNamedIn):
    model = serializers.CharField(
        max_length=64, required=False, help_text="Name of a model; without it the default one."
    )


class ModelReferenceOut(OutputSerializer[object]):
    name = serializers.CharField()
    version = serializers.IntegerField(help_text="The version that answered.")


class PredictOut(OutputSerializer[object]):
    prediction = PredictionField()
    model = ModelReferenceOut()
    prediction_id = serializers.UUIDField(help_text="Of this prediction, for logs and support.")
