"""What a configuration implies, by our count and by Keras' own."""

from __future__ import annotations

import json

import pytest

from serving.keras_config import implied_outputs, implied_parameters
from serving.keras_config.allowed import OPERATIONS
from serving.keras_config.layers import CELLS, LAYERS


def classes_in(value):
    if isinstance(value, dict):
        if value.get("module") == "keras.layers" or value.get("module") in OPERATIONS:
            yield value["class_name"]
        for member in value.values():
            yield from classes_in(member)
    elif isinstance(value, list):
        for element in value:
            yield from classes_in(element)


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore")  # Keras has something to say on some of these
class TestSizes:
    def test_agree_with_keras_for_every_layer(self):
        import keras

        from tests.serving.layer_cases import models

        differing, seen = {}, set()
        for name, model in models():
            config = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
            seen.update(classes_in(config))
            ours = (implied_outputs(config), implied_parameters(config))
            theirs = ([tuple(output.shape) for output in model.outputs], model.count_params())
            if ours != theirs:
                differing[name] = (ours, theirs)
        assert differing == {}
        assert set(LAYERS) - seen == set()
        assert seen >= CELLS
