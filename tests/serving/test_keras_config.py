from __future__ import annotations

import copy

import pytest

from serving.errors import ArtefactError
from serving.keras_config import sanitised

LAYER = "/config/layers/0"


def layer(**changes):
    return {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {"name": "dense", "units": 1, "activation": "relu"},
        "registered_name": None,
    } | changes


def model(*layers, **changes):
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "sequential", "layers": [*layers]},
        "registered_name": "Sequential",
    } | changes


def function(module, name):
    return layer(
        config={
            "name": "dense",
            "activation": {
                "module": module,
                "class_name": "function",
                "config": name,
                "registered_name": "function",
            },
        }
    )


REFUSED = {
    "a Lambda": (model(layer(class_name="Lambda")), f"{LAYER}/class_name"),
    "a Lambda inside another layer": (
        model(
            layer(
                class_name="TimeDistributed",
                config={"name": "t", "layer": layer(class_name="Lambda")},
            )
        ),
        f"{LAYER}/config/layer/class_name",
    ),
    "a Lambda inside a nested model": (
        model(model(layer(class_name="Lambda"))),
        f"{LAYER}{LAYER}/class_name",
    ),
    "a serialised lambda": (
        model(layer(config={"name": "d", "kernel_initializer": {"class_name": "__lambda__"}})),
        f"{LAYER}/config/kernel_initializer/class_name",
    ),
    "a type from elsewhere": (
        model(layer(config={"spec": {"class_name": "__typespec__", "module": "os"}})),
        f"{LAYER}/config/spec/class_name",
    ),
    "a SavedModel on the server": (model(layer(class_name="TFSMLayer")), f"{LAYER}/class_name"),
    "a pickled torch module": (
        model(layer(class_name="TorchModuleWrapper")),
        f"{LAYER}/class_name",
    ),
    "the module os": (model(layer(module="os", class_name="System")), f"{LAYER}/class_name"),
    "a module that only begins like keras": (
        model(layer(module="keras_evil.layers")),
        f"{LAYER}/class_name",
    ),
    "keras.utils": (
        model(layer(module="keras.utils", class_name="FeatureSpace")),
        f"{LAYER}/class_name",
    ),
    "a function of keras.config": (
        model(function("keras.config", "set_floatx")),
        f"{LAYER}/config/activation/class_name",
    ),
    "a download": (
        model(function("keras.datasets.mnist", "load_data")),
        f"{LAYER}/config/activation/class_name",
    ),
    "eval": (model(function("builtins", "eval")), f"{LAYER}/config/activation/class_name"),
    "a class of a module in the top module": (
        model(layer(module="keras", class_name="Lambda")),
        f"{LAYER}/class_name",
    ),
    "a class that does not belong in the top module": (
        model(layer(module="keras", class_name="Variable")),
        f"{LAYER}/class_name",
    ),
    "a function of keras.layers": (model(layer(class_name="deserialize")), f"{LAYER}/class_name"),
    "a class without a module": (model(layer(module=None)), f"{LAYER}/class_name"),
    "a custom class": (
        model(layer(registered_name="my_pkg>Custom")),
        f"{LAYER}/registered_name",
    ),
    "a loop with a body": (
        model(layer(module="keras.src.ops.core", class_name="WhileLoop")),
        f"{LAYER}/class_name",
    ),
    "a vocabulary that is a file": (
        model(layer(class_name="StringLookup", config={"vocabulary": "/etc/passwd"})),
        f"{LAYER}/config/vocabulary",
    ),
    "an optimizer as the model": ({"class_name": "Adam"}, "/class_name"),
    "a subclassed model": (model(class_name="MyModel"), "/class_name"),
    "nothing": ({}, "/class_name"),
}
INVALID = {
    "a class name that is a number": (model(layer(class_name=5)), f"{LAYER}/class_name"),
    "a module that is a list": (model(layer(module=["keras"])), f"{LAYER}/class_name"),
    "a module without a class": (model({"module": "keras"}), f"{LAYER}/class_name"),
    "a name that climbs": (model(layer(name="../../x")), f"{LAYER}/name"),
    "a name with a line break": (model(layer(name="a\nb")), f"{LAYER}/name"),
    "a long name": (model(layer(name="x" * 129)), f"{LAYER}/name"),
    "a name that is a list": (model(layer(name=[])), f"{LAYER}/name"),
    "a long string": (model(layer(note="x" * 5_000)), f"{LAYER}/note"),
}


class TestSanitised:
    @pytest.mark.parametrize("case", REFUSED)
    def test_classes_that_are_not_allowed(self, case):
        config, pointer = REFUSED[case]
        with pytest.raises(ArtefactError) as caught:
            sanitised(config)
        assert (caught.value.reason_code, caught.value.pointer) == ("class_not_allowed", pointer)

    @pytest.mark.parametrize("case", INVALID)
    def test_values_that_make_no_sense(self, case):
        config, pointer = INVALID[case]
        with pytest.raises(ArtefactError) as caught:
            sanitised(config)
        assert (caught.value.reason_code, caught.value.pointer) == ("config_invalid", pointer)

    @pytest.mark.parametrize(
        "config",
        [
            model(layer()),
            model(function("builtins", "gelu")),
            model(layer(module="keras.src.ops.numpy", class_name="Add")),
            model(layer(args=[{"class_name": "__keras_tensor__", "config": {"shape": [None, 3]}}])),
            model(
                layer(
                    config={
                        "dtype": {"module": "keras", "class_name": "DTypePolicy", "config": {}},
                        "kernel_initializer": {
                            "module": "keras.initializers",
                            "class_name": "HeNormal",
                            "config": {"seed": None},
                            "registered_name": None,
                        },
                    }
                )
            ),
            model(layer(class_name="StringLookup", config={"vocabulary": ["a", "b"]})),
        ],
    )
    def test_lets_ordinary_models_through(self, config):
        assert sanitised(config) == config

    def test_drops_training_at_every_level(self):
        hostile = {"optimizer": {"module": "os", "class_name": "system"}}
        config = model(model(layer(), compile_config=hostile), compile_config=hostile)
        before = copy.deepcopy(config)
        assert sanitised(config) == model(model(layer()))
        assert config == before
