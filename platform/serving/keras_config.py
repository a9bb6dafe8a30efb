"""The config.json of a Keras model: which classes it may name, and nothing of its training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.container import JsonObject, refuse, walk

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOTS = frozenset({"Functional", "Sequential"})
"""A model whose graph is data; a subclassed one is code that is not in the file."""
MODULES = frozenset(
    {
        "keras",
        "keras.constraints",
        "keras.dtype_policies",
        "keras.initializers",
        "keras.layers",
        "keras.regularizers",
        "keras.src.models.functional",
        "keras.src.models.sequential",
    }
)
OPERATIONS = frozenset(
    {"keras.src.ops.core", "keras.src.ops.math", "keras.src.ops.nn", "keras.src.ops.numpy"}
)
"""Where x + y and keras.ops.tanh(x) in a graph come from."""
IN_KERAS = frozenset({"DTypePolicy", "Functional", "Model", "Sequential"})
"""All that may be named in the top module, which also holds functions with side effects."""
FORBIDDEN = frozenset(
    {
        "AssociativeScan",
        "Cond",
        "FlaxLayer",
        "ForiLoop",
        "JaxLayer",
        "Lambda",
        "Map",
        "Scan",
        "Switch",
        "TFSMLayer",
        "TorchModuleWrapper",
        "VectorizedMap",
        "WhileLoop",
    }
)
"""They carry code, run files or take a function by name (CVE-2025-1550, CVE-2026-1462)."""
MARKERS = frozenset(
    {"__ellipsis__", "__keras_tensor__", "__none__", "__numpy__", "__slice__", "__tuple__"}
)
"""Plain data that Keras writes with a class name and without a module."""
FUNCTIONS = frozenset(
    {
        "celu", "elu", "exponential", "gelu", "hard_sigmoid", "hard_silu", "hard_swish",
        "leaky_relu", "linear", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid",
        "silu", "softmax", "softplus", "softsign", "swish", "tanh",
    }
)  # fmt: skip
TRAINING = frozenset({"compile_config"})
"""Dropped at every level: Keras drops only the outermost when it does not compile."""
MAX_STRING = 4_096  # characters
MAX_NAME = 128  # characters of a layer's name


def sanitised(config: JsonObject) -> JsonObject:
    """The configuration without its training, once every class in it is allowed.

    Raises:
        ArtefactError: class_not_allowed or config_invalid, with a pointer into config.json.
    """
    if config.get("class_name") not in ROOTS:
        refuse("class_not_allowed", "/class_name", "A Functional or Sequential model is expected.")
    for pointer, value in walk(config):
        if isinstance(value, dict) and not _in_training(pointer):
            _check_object(pointer, value)
        elif isinstance(value, str) and len(value) > MAX_STRING:
            refuse("config_invalid", pointer, f"A string has more than {MAX_STRING} characters.")
    kept = _without_training(config)
    assert isinstance(kept, dict)  # noqa: S101 - for mypy; an object stays one
    return kept


def _in_training(pointer: str) -> bool:
    return any(step in TRAINING for step in pointer.split("/"))


def _without_training(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: _without_training(member)
            for name, member in value.items()
            if name not in TRAINING
        }
    if isinstance(value, list):
        return [_without_training(element) for element in value]
    return value


def _check_object(pointer: str, value: Mapping[str, object]) -> None:
    if "class_name" in value or "module" in value or "registered_name" in value:
        _check_class(pointer, value)
    name = value.get("name")
    if name is not None:
        _check_layer_name(f"{pointer}/name", name)
    vocabulary = value.get("vocabulary")
    if isinstance(vocabulary, str):
        refuse("class_not_allowed", f"{pointer}/vocabulary", "A vocabulary is a list, not a file.")


def _check_class(pointer: str, value: Mapping[str, object]) -> None:
    name, module = value.get("class_name"), value.get("module")
    if not isinstance(name, str) or not isinstance(module, str | None):
        refuse("config_invalid", f"{pointer}/class_name", "A class is named by strings.")
    if not _allowed(name, module, value):
        refuse("class_not_allowed", f"{pointer}/class_name", f"{name[:MAX_NAME]!r} is not allowed.")
    if value.get("registered_name") not in {None, name}:
        refuse("class_not_allowed", f"{pointer}/registered_name", "Custom classes are not allowed.")


def _allowed(name: str, module: str | None, value: Mapping[str, object]) -> bool:
    if name in FORBIDDEN:
        return False
    if name == "function":
        return module == "builtins" and value.get("config") in FUNCTIONS
    if module is None:
        return name in MARKERS
    if module == "keras":
        return name in IN_KERAS
    return (module in MODULES or module in OPERATIONS) and name[:1].isupper()


def _check_layer_name(pointer: str, name: object) -> None:
    """Names become paths inside the weights file (CVE-2026-12479)."""
    if not isinstance(name, str) or len(name) > MAX_NAME or not name.isprintable():
        refuse("config_invalid", pointer, f"A name is text of at most {MAX_NAME} characters.")
    if ".." in name or "\\" in name:
        refuse("config_invalid", pointer, "A name must not climb out of its folder.")
