"""Plain data in a configuration: numbers, texts, lists of them, shapes, and a call's tensors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeGuard

from serving.documents import pointer_to
from serving.keras_config.allowed import DTYPES, MARKERS, PATTERNS, WORDS
from serving.keras_config.values import is_name
from serving.reasons import ReasonCode, refuse

Object = Mapping[str, object]
BUILD = frozenset({"input_shape", "shapes_dict"})


def check_argument(
    name: str, value: object, pointer: str, check_object: Callable[[Object, str], None]
) -> None:
    """Numbers, texts that suit the argument's name, and lists of them."""
    if isinstance(value, str):
        _check_text(name, value, pointer)
    elif isinstance(value, list):
        for place, element in elements_of(value, pointer):
            check_argument(name, element, place, check_object)
    elif is_object(value):
        if name == "kwargs" and "class_name" not in value:
            for key, member in value.items():
                check_argument(key, member, pointer_to(pointer, key), check_object)
        else:
            check_object(value, pointer)


def _check_text(name: str, value: str, pointer: str) -> None:
    if name in WORDS:
        known = value in WORDS[name]
    elif name in PATTERNS:
        known = PATTERNS[name].fullmatch(value) is not None
    else:
        known = name == "dtype" and value in DTYPES
    if not known:
        refuse(ReasonCode.VALUE_NOT_ALLOWED, pointer, "This text is not allowed here.")


def refuse_object(_value: Object, pointer: str) -> None:
    refuse(ReasonCode.VALUE_NOT_ALLOWED, pointer, "No object is expected here.")


def check_datum(value: Object, pointer: str) -> None:
    """Plain data in a call: a tensor of the graph, a constant, a slice."""
    marker = value.get("class_name")
    if marker not in MARKERS or not value.keys() <= {"class_name", "config"}:
        refuse(ReasonCode.MEMBER_UNKNOWN, pointer, "Only plain data is expected here.")
    config = value.get("config")
    if not is_object(config) or config.keys() != set(MARKERS[str(marker)].split()):
        refuse(ReasonCode.CONFIG_INVALID, f"{pointer}/config", "Not what Keras writes.")
    if marker == "__keras_tensor__":
        _check_history(config["keras_history"], f"{pointer}/config/keras_history")
    for name in ("value", "start", "stop", "step", "shape"):
        if name in config:
            check_argument(name, config[name], f"{pointer}/config/{name}", refuse_object)
    dtype = config.get("dtype", "float32")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        refuse(ReasonCode.VALUE_NOT_ALLOWED, f"{pointer}/config/dtype", "An unknown type.")


def _check_history(value: object, pointer: str) -> None:
    match value:
        case [str(layer), int(node), int(tensor)] if is_name(layer) and node >= 0 and tensor >= 0:
            return
    refuse(ReasonCode.GRAPH_INVALID, pointer, "A layer, a call and an output are expected.")


def check_build(value: object, pointer: str) -> None:
    """The shapes that a layer was built with; a layer is built with them while it is loaded."""
    if not is_object(value):
        refuse(ReasonCode.CONFIG_INVALID, pointer, "An object is expected here.")
    check_known(value, BUILD, pointer)
    for name, shapes in value.items():
        _check_shapes(shapes, f"{pointer}/{name}")


def _check_shapes(value: object, pointer: str) -> None:
    if is_object(value):
        for name, shape in value.items():
            _check_shapes(shape, pointer_to(pointer, name))
    elif isinstance(value, list):
        for place, element in elements_of(value, pointer):
            _check_shapes(element, place)
    elif value is not None and (type(value) is not int or value < 1):
        refuse(ReasonCode.VALUE_OUT_OF_RANGE, pointer, "A length of 1 or more is expected.")


def check_known(value: Object, known: Collection[str], pointer: str) -> None:
    for name in value:
        if name not in known:
            place = pointer_to(pointer, name)
            refuse(ReasonCode.MEMBER_UNKNOWN, place, "Keras writes nothing of this name here.")


def required(value: Object, names: Collection[str], pointer: str) -> None:
    for name in names:
        if name not in value:
            refuse(ReasonCode.CONFIG_INVALID, pointer_to(pointer, name), "This is missing.")


def elements_of(value: object, pointer: str) -> list[tuple[str, object]]:
    if not isinstance(value, list):
        refuse(ReasonCode.CONFIG_INVALID, pointer, "A list is expected here.")
    return [(pointer_to(pointer, index), element) for index, element in enumerate(value)]


def is_object(value: object) -> TypeGuard[Object]:
    return isinstance(value, dict)
