from __future__ import annotations

import copy
import random

import pytest

from serving.errors import ArtefactError
from serving.keras_config import ConfigLimits, implied_outputs, implied_parameters, sanitised
from tests.hostile.recipe import changed, function, functional, layer, node, sequential, tensor

LAYERS = "/config/layers"
FIRST = f"{LAYERS}/1"


def refusal(config, limits=None):
    with pytest.raises(ArtefactError) as caught:
        sanitised(config, limits) if limits else sanitised(config)
    return caught.value.reason_code, caught.value.pointer


def policy(name, class_name="DTypePolicy"):
    return {
        "module": "keras",
        "class_name": class_name,
        "config": {"name": name},
        "registered_name": None,
    }


def initializer(class_name, **config):
    return layer(class_name, "keras.initializers", **config)


def two_calls(**kwargs):
    add = layer("Add", "keras.src.ops.numpy", name="add")
    call = {"args": [tensor("inputs")], "kwargs": kwargs}
    return functional(add | {"name": "add", "inbound_nodes": [call]}, output="add")


PLACES = {
    "a class name that is a number": (
        sequential(layer() | {"class_name": 5}), "config_invalid", f"{FIRST}/class_name",
    ),
    "a module that is a list": (
        sequential(layer(module=["keras"])), "config_invalid", f"{FIRST}/class_name",
    ),
    "a module without a class": (
        sequential({"module": "keras"}), "config_invalid", f"{FIRST}/class_name",
    ),
    "a class without a module": (
        sequential(layer(module=None)), "class_not_allowed", f"{FIRST}/class_name",
    ),
    "a layer of the top module": (
        sequential(layer(module="keras")), "class_not_allowed", f"{FIRST}/class_name",
    ),
    "a class of one kind as another": (
        sequential(layer("GlorotUniform", "keras.initializers")),
        "class_not_allowed",
        f"{FIRST}/class_name",
    ),
    "a layer as an initialiser": (
        sequential(layer(kernel_initializer=layer())),
        "class_not_allowed",
        f"{FIRST}/config/kernel_initializer/class_name",
    ),
    "a policy that is quantised": (
        sequential(layer(dtype=policy("int8_from_float32", "QuantizedDTypePolicy"))),
        "class_not_allowed",
        f"{FIRST}/config/dtype/class_name",
    ),
    "a policy of no known type": (
        sequential(layer(dtype=policy("evil"))),
        "value_not_allowed",
        f"{FIRST}/config/dtype/config/name",
    ),
    "an activation by a strange name": (
        sequential(layer(activation="evil")), "value_not_allowed", f"{FIRST}/config/activation",
    ),
    "an activation that is a layer": (
        sequential(layer(activation=layer())), "class_not_allowed", f"{FIRST}/config/activation",
    ),
    "a regulariser by a strange name": (
        sequential(layer(kernel_regularizer="evil")),
        "value_not_allowed",
        f"{FIRST}/config/kernel_regularizer",
    ),
    "a text where a number is expected": (
        sequential(layer("Dropout", name="d", rate="much")),
        "value_not_allowed",
        f"{FIRST}/config/rate",
    ),
    "an object where a number is expected": (
        sequential(layer("Dropout", name="d", rate={"a": 1})),
        "value_not_allowed",
        f"{FIRST}/config/rate",
    ),
    "an argument of another layer": (
        sequential(layer(kernel_size=3)), "member_unknown", f"{FIRST}/config/kernel_size",
    ),
    "an argument that an initialiser lacks": (
        sequential(layer(kernel_initializer=initializer("Zeros", value=1))),
        "member_unknown",
        f"{FIRST}/config/kernel_initializer/config/value",
    ),
    "a member beside a class": (
        sequential(layer() | {"evil": 1}), "member_unknown", f"{FIRST}/evil",
    ),
    "a layer without a config": (
        sequential({"module": "keras.layers", "class_name": "Dense"}),
        "config_invalid",
        f"{FIRST}/config",
    ),
    "layers that are no list": (
        changed(sequential(), "config/layers", {}), "config_invalid", LAYERS,
    ),
    "a layer that is no object": (sequential(5), "config_invalid", FIRST),
    "a build_config with another member": (
        sequential(layer() | {"build_config": {"evil": 1}}),
        "member_unknown",
        f"{FIRST}/build_config/evil",
    ),
    "a build_config with a negative length": (
        sequential(layer() | {"build_config": {"input_shape": [None, -1]}}),
        "value_out_of_range",
        f"{FIRST}/build_config/input_shape/1",
    ),
    "a long string": (
        sequential(layer("StringLookup", name="s", vocabulary=["x" * 5_000])),
        "config_invalid",
        f"{FIRST}/config/vocabulary/0",
    ),
    "a name with a slash": (
        sequential(layer(name="a/b")), "layer_name_invalid", f"{FIRST}/config/name",
    ),
    "a name that climbs": (
        sequential(layer(name="a..b")), "layer_name_invalid", f"{FIRST}/config/name",
    ),
    "a name of 129 letters": (
        sequential(layer(name="x" * 129)), "layer_name_invalid", f"{FIRST}/config/name",
    ),
    "a name that is a list": (
        sequential(layer(name=[])), "layer_name_invalid", f"{FIRST}/config/name",
    ),
    "an integer beyond 2^20": (
        sequential(layer(units=2**20 + 1)), "value_out_of_range", f"{FIRST}/config/units",
    ),
    "no units": (sequential(layer(units=0)), "value_out_of_range", f"{FIRST}/config/units"),
    "an object among the arguments of a call": (
        two_calls(evil={"class_name": "__keras_tensor__", "config": {}, "more": 1}),
        "member_unknown",
        f"{FIRST}/inbound_nodes/0/kwargs/evil",
    ),
    "a text among the arguments of a call": (
        two_calls(evil="text"), "value_not_allowed", f"{FIRST}/inbound_nodes/0/kwargs/evil",
    ),
    "an optimizer as the model": (
        layer("Adam", "keras.optimizers"), "root_not_a_model", "/class_name",
    ),
    "a model of another module": (
        sequential(module="my_package"), "root_not_a_model", "/class_name",
    ),
    "nothing": ({}, "root_not_a_model", "/class_name"),
}  # fmt: skip


class TestSanitised:
    @pytest.mark.parametrize("case", PLACES)
    def test_refuses_with_a_pointer(self, case):
        config, code, pointer = PLACES[case]
        assert refusal(config) == (code, pointer)

    @pytest.mark.parametrize(
        "arguments",
        [
            {"activation": function("gelu")},
            {"activation": "relu6"},
            {"dtype": "float32"},
            {"dtype": policy("mixed_float16")},
            {"kernel_initializer": "glorot_uniform", "bias_initializer": "Zeros"},
            {"kernel_initializer": initializer("HeNormal", seed=2**40)},
            {"kernel_regularizer": "l1_l2", "kernel_constraint": "max_norm"},
            {"quantization_config": None},
        ],
        ids=[
            "a function", "its name", "a type", "a policy", "names", "a large seed", "short names",
            "null",
        ],
    )  # fmt: skip
    def test_lets_ordinary_arguments_through(self, arguments):
        config = sequential(layer(**arguments))
        assert sanitised(config) == config

    def test_drops_training_at_every_level(self):
        hostile = {"optimizer": {"module": "os", "class_name": "system"}}
        inner = changed(sequential(layer()), "config/name", "inner")
        config = sequential(inner | {"compile_config": hostile}) | {"compile_config": hostile}
        before = copy.deepcopy(config)
        assert sanitised(config) == sequential(inner)
        assert config == before

    def test_counts_layers_calls_parameters_and_elements(self):
        config = sequential(layer(), layer(name="second"))
        assert refusal(config, ConfigLimits(layers=2)) == ("too_many_layers", f"{LAYERS}/2")
        assert refusal(config, ConfigLimits(calls=1)) == ("too_many_layers", f"{LAYERS}/2")
        assert refusal(config, ConfigLimits(parameters=13)) == (
            "too_many_parameters",
            f"{LAYERS}/2",
        )
        assert refusal(config, ConfigLimits(elements=2)) == (
            "tensor_too_large",
            f"{LAYERS}/0/config/batch_shape",
        )
        exact = ConfigLimits(layers=3, calls=2, parameters=14, elements=3)
        assert sanitised(config, exact) == config
        assert implied_parameters(config, exact) == 14
        assert implied_outputs(config, exact) == [(None, 2)]

    def test_a_layer_that_two_models_share_has_its_weights_once(self):
        shared = layer(units=3) | {"shared_object_id": 7}
        one, other = (changed(sequential(shared), "config/name", name) for name in ("a", "b"))
        assert implied_parameters(sequential(one, other)) == 12

    def test_two_equal_objects_may_share_an_identity(self):
        shared = policy("float32") | {"shared_object_id": 7}
        config = sequential(layer(dtype=shared), layer(name="second", dtype=shared))
        assert sanitised(config) == config

    def test_a_layer_may_be_called_before_those_it_follows_are_listed(self):
        one = node(layer(units=3, name="one"), tensor("inputs"))
        other = node(layer(units=3, name="other"), tensor("one"))
        config = functional(other, one, output="other")
        assert implied_outputs(config) == [(None, 3)]


def places_in(value):
    """Every place of a document as its container and its key."""
    keys = [*value] if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places_in(value[key])


def mutate(document, generator, strange):
    """One value somewhere inside replaced by another, or taken away."""
    container, key = generator.choice([*places_in(document)])
    if generator.random() < 0.2:
        del container[key]
    else:
        container[key] = copy.deepcopy(generator.choice(strange))


class TestStrangeConfigurations:
    STRANGE = (
        None, True, 0, -1, 5, 2**20, 2**80, 1e300, "", "x", "relu", [], {}, [None], [[1, 2]],
        [None, 3], {"class_name": "Dense"}, tensor("inputs"), layer(), ["inputs", 0, 0],
        {"class_name": "__slice__", "config": {"start": None, "stop": 1, "step": 0}},
    )  # fmt: skip

    @pytest.mark.parametrize("seed", range(8))
    def test_are_refused_in_one_way_or_pass(self, seed):
        """Nothing but ArtefactError ever comes out, whatever stands where."""
        generator = random.Random(seed)  # noqa: S311 - no secret
        good = functional(
            node(layer(units=4), tensor("inputs")),
            node(layer("ExpandDims", "keras.src.ops.numpy", axis=1), tensor("dense"), name="e"),
            node(layer("GetItem", "keras.src.ops.numpy"), tensor("e"), name="g"),
            node(
                layer(
                    "Bidirectional",
                    name="b",
                    merge_mode="concat",
                    layer=layer("LSTM", name="l", units=2),
                ),
                tensor("g"),
            ),
            node(layer("Reshape", name="r", target_shape=[-1]), tensor("b")),
            output="r",
        )
        good["config"]["layers"][3]["inbound_nodes"][0]["args"].append(
            [{"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}]
        )
        assert sanitised(good) == good
        codes = set()
        for _ in range(400):
            config = copy.deepcopy(good)
            for _ in range(generator.randint(1, 3)):
                mutate(config, generator, self.STRANGE)
            try:
                sanitised(config)
            except ArtefactError as error:
                codes.add(error.reason_code)
        assert len(codes) >= 6
