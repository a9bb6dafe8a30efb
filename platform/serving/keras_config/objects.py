"""The second pass: what stands where, as Keras writes it and in no other way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.documents import pointer_to
from serving.keras_config.allowed import (
    CONSTRAINTS,
    FUNCTIONS,
    INITIALIZERS,
    OPERATIONS,
    POLICIES,
    POLICY_NAMES,
    REGULARIZERS,
    ROOTS,
)
from serving.keras_config.data import (
    Object,
    check_argument,
    check_build,
    check_datum,
    check_known,
    elements_of,
    is_object,
    refuse_object,
    required,
)
from serving.keras_config.layers import CELLS, LAYERS, MODELS
from serving.reasons import ReasonCode, refuse

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from collections.abc import Set as AbstractSet

OBJECT = frozenset({"module", "class_name", "config", "registered_name", "shared_object_id"})
LAYER = OBJECT | {"build_config"}
NODE = LAYER | {"name", "inbound_nodes"}
"""What may stand beside a class name; compile_config is gone by now."""
CALL = frozenset({"args", "kwargs"})
SHORT_NAMES = {
    "initializer": {"normal", "one", "uniform", "zero"},
    "regularizer": {"l1", "l1l2", "l1_l2", "l2", "orthogonal"},
    "constraint": {"max_norm", "min_max_norm", "non_neg", "unit_norm"},
}
KINDS = {"initializer": INITIALIZERS, "regularizer": REGULARIZERS, "constraint": CONSTRAINTS}
NULL = frozenset({"quantization_config", "flash_attention", "sliding_window"})
"""Arguments whose effect on memory is not known here: only as null (or false)."""


class Objects:
    """One pass over a configuration whose values are checked already."""

    def __init__(self) -> None:
        self._shared: dict[object, tuple[object, ...]] = {}

    def check_model(self, value: object, pointer: str, among: Collection[str] = LAYER) -> None:
        """A Functional or Sequential, and all layers in it."""
        config = self._members(value, pointer, among)
        name = value["class_name"] if isinstance(value, dict) else ""
        below = f"{pointer}/config"
        check_known(config, MODELS[str(name)], below)
        required(config, ("name", "layers"), below)
        check = self._check_step if name == "Sequential" else self._check_node
        for place, layer in elements_of(config["layers"], f"{below}/layers"):
            check(layer, place)
        if config.get("dtype") is not None:
            self._check_dtype(config["dtype"], f"{below}/dtype")

    def _check_step(self, value: object, pointer: str) -> None:
        self._check_layer(value, pointer, LAYER)

    def _check_node(self, value: object, pointer: str) -> None:
        """A layer, model or operation of a Functional, with its calls."""
        if not is_object(value):
            refuse(ReasonCode.CONFIG_INVALID, pointer, "A layer is an object.")
        if value.get("module") in OPERATIONS:
            self._check_operation(value, pointer)
        else:
            self._check_layer(value, pointer, NODE)
        required(value, ("name", "inbound_nodes"), pointer)
        for place, node in elements_of(value["inbound_nodes"], f"{pointer}/inbound_nodes"):
            if not is_object(node):  # lists are how Keras 2 wrote them, by another loader
                refuse(ReasonCode.GRAPH_INVALID, place, "A call is an object.")
            check_known(node, CALL, place)
            required(node, CALL, place)
            check_argument("args", node["args"], f"{place}/args", check_datum)
            check_argument("kwargs", node["kwargs"], f"{place}/kwargs", check_datum)

    def _check_operation(self, value: Object, pointer: str) -> None:
        config = self._members(value, pointer, NODE)
        arguments = OPERATIONS[str(value["module"])][str(value["class_name"])]
        check_known(config, {"name", *arguments.split()}, f"{pointer}/config")
        for name, argument in config.items():
            place = pointer_to(f"{pointer}/config", name)
            if name == "dtype":
                self._check_dtype(argument, place)
            else:
                check_argument(name, argument, place, check_datum)

    def _check_layer(self, value: object, pointer: str, among: Collection[str]) -> None:
        if is_object(value) and value.get("class_name") in ROOTS:
            self.check_model(value, pointer, among)
            return
        config = self._members(value, pointer, among)
        name = str(value["class_name"]) if isinstance(value, dict) else ""
        if name not in LAYERS:
            refuse(ReasonCode.CLASS_NOT_ALLOWED, f"{pointer}/class_name", "Not a layer.")
        check_known(config, LAYERS[name], f"{pointer}/config")
        for argument, given in config.items():
            self._check_of_layer(argument, given, pointer_to(f"{pointer}/config", argument))

    def _check_of_layer(self, name: str, value: object, pointer: str) -> None:  # noqa: C901 - a table of kinds
        """An argument of a layer: the name says what it may be."""
        kind = name.rsplit("_", 1)[-1]
        if value is None:
            return
        if name in NULL:
            if value is not False:
                refuse(ReasonCode.VALUE_NOT_ALLOWED, pointer, "Only null is allowed.")
        elif kind in KINDS:
            self._check_named(value, pointer, KINDS[kind], SHORT_NAMES[kind])
        elif kind == "activation":
            self._check_function(value, pointer)
        elif name == "dtype":
            self._check_dtype(value, pointer)
        elif name in {"layer", "backward_layer"}:
            self._check_layer(value, pointer, LAYER)
        elif name == "cell":
            self._check_cell(value, pointer)
        elif name == "cells":
            for place, cell in elements_of(value, pointer):
                self._check_cell(cell, place)
        else:
            check_argument(name, value, pointer, refuse_object)

    def _check_cell(self, value: object, pointer: str) -> None:
        if not is_object(value) or value.get("class_name") not in CELLS:
            refuse(ReasonCode.CLASS_NOT_ALLOWED, f"{pointer}/class_name", "Not a cell.")
        self._check_layer(value, pointer, LAYER)

    def _check_named(
        self, value: object, pointer: str, classes: Mapping[str, str], short: AbstractSet[str]
    ) -> None:
        """An initialiser and the like: by name alone, or as an object."""
        if isinstance(value, str):
            if value not in classes and value not in short | {_snake(name) for name in classes}:
                refuse(ReasonCode.VALUE_NOT_ALLOWED, pointer, "This name is unknown.")
            return
        config = self._members(value, pointer, OBJECT)
        name = str(value["class_name"]) if isinstance(value, dict) else ""
        if name not in classes:
            refuse(ReasonCode.CLASS_NOT_ALLOWED, f"{pointer}/class_name", "Not allowed here.")
        check_known(config, set(classes[name].split()), f"{pointer}/config")
        for argument, given in config.items():
            place = pointer_to(f"{pointer}/config", argument)
            check_argument(argument, given, place, refuse_object)

    def _check_function(self, value: object, pointer: str) -> None:
        if isinstance(value, str):
            if value not in FUNCTIONS:
                refuse(ReasonCode.VALUE_NOT_ALLOWED, pointer, "This activation is unknown.")
        elif not is_object(value) or value.get("class_name") != "function":
            refuse(ReasonCode.CLASS_NOT_ALLOWED, pointer, "An activation is a named function.")
        else:
            check_known(value, OBJECT, pointer)

    def _check_dtype(self, value: object, pointer: str) -> None:
        if is_object(value):
            config = self._members(value, pointer, OBJECT)
            if value["class_name"] not in POLICIES:
                refuse(ReasonCode.CLASS_NOT_ALLOWED, f"{pointer}/class_name", "Not a policy.")
            check_known(config, {"name"}, f"{pointer}/config")
            value, pointer = config.get("name"), f"{pointer}/config/name"
        if value is not None and (not isinstance(value, str) or value not in POLICY_NAMES):
            refuse(ReasonCode.VALUE_NOT_ALLOWED, pointer, "This type is unknown.")

    def _members(self, value: object, pointer: str, among: Collection[str]) -> Object:
        """The config of an object, once nothing unknown stands beside it."""
        if not is_object(value):
            refuse(ReasonCode.CONFIG_INVALID, pointer, "An object is expected here.")
        check_known(value, among, pointer)
        required(value, ("module", "class_name", "config"), pointer)
        self._check_shared(value, pointer)
        if value.get("build_config") is not None:
            check_build(value["build_config"], f"{pointer}/build_config")
        config = value["config"]
        if not is_object(config):
            refuse(ReasonCode.CONFIG_INVALID, f"{pointer}/config", "An object is expected here.")
        return config

    def _check_shared(self, value: Object, pointer: str) -> None:
        """Keras takes the first object of an id for all of them, so all must be that one."""
        identity = value.get("shared_object_id")
        if identity is None:
            return
        place = f"{pointer}/shared_object_id"
        if type(identity) is not int:
            refuse(ReasonCode.VALUE_OUT_OF_RANGE, place, "A whole number is expected here.")
        itself = (value["module"], value["class_name"], value["config"])
        if self._shared.setdefault(identity, itself) != itself:
            refuse(ReasonCode.GRAPH_INVALID, place, "Two different objects have this id.")


def _snake(name: str) -> str:
    """GlorotUniform to glorot_uniform, as Keras spells its short names."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
