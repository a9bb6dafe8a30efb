"""The first pass: every value of a configuration, wherever it stands, taken for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.container.documents import JsonObject, walk
from serving.documents import pointer_to
from serving.keras_config.allowed import (
    CONSTRAINTS,
    FUNCTIONS,
    INITIALIZERS,
    MARKERS,
    NAME,
    OPERATIONS,
    OTHER_NAMES_OF_ROOTS,
    POLICIES,
    REGULARIZERS,
    ROOTS,
)
from serving.keras_config.layers import LAYERS
from serving.reasons import ReasonCode, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_STRING = 4_096  # characters
MAX_INTEGER = 2**20  # of sizes, axes and whatever else is counted
MAX_IDENTITY = 2**63  # of what is compared, not counted
IDENTITIES = frozenset(
    {"seed", "shared_object_id", "salt", "vocabulary", "mask_token", "oov_token"}
)
SHOWN = 64  # characters of a stranger's text in an answer
NAMERS = ("class_name", "module", "registered_name")

CLASSES = (
    {(module, name) for name, module in ROOTS.items()}
    | OTHER_NAMES_OF_ROOTS
    | {("keras.layers", name) for name in LAYERS}
    | {("keras.initializers", name) for name in INITIALIZERS}
    | {("keras.regularizers", name) for name in REGULARIZERS}
    | {("keras.constraints", name) for name in CONSTRAINTS}
    | {(module, name) for name in POLICIES for module in ("keras", "keras.dtype_policies")}
    | {(module, name) for module, names in OPERATIONS.items() for name in names}
)
"""Every (module, class) pair that may be named."""


def check_values(config: JsonObject) -> None:
    """Classes by exact pair, numbers and texts by size, names by their letters.

    Raises:
        ArtefactError: class_not_allowed, config_invalid, layer_name_invalid,
            value_out_of_range or config_too_deep, with a pointer into config.json.
    """
    for pointer, value in walk(config):
        if isinstance(value, dict):
            _check_object(pointer, value)
        elif isinstance(value, str) and len(value) > MAX_STRING:
            refuse(ReasonCode.CONFIG_INVALID, pointer, f"More than {MAX_STRING} characters.")
        elif isinstance(value, int):
            _check_integer(pointer, value)


def _check_integer(pointer: str, value: int) -> None:
    identity = any(step in IDENTITIES for step in pointer.rsplit("/", 2)[1:])
    limit = MAX_IDENTITY if identity else MAX_INTEGER
    if abs(value) > limit:
        refuse(ReasonCode.VALUE_OUT_OF_RANGE, pointer, f"Beyond {limit}.")


def _check_object(pointer: str, value: Mapping[str, object]) -> None:
    if any(name in value for name in NAMERS):
        _check_class(pointer, value)
    name = value.get("name")
    if name is not None and not (isinstance(name, str) and is_name(name)):
        refuse(
            ReasonCode.LAYER_NAME_INVALID,
            f"{pointer}/name",
            "Letters, digits, '_', '.' and '-' are allowed, 128 of them.",
        )
    if isinstance(value.get("vocabulary"), str):
        refuse(ReasonCode.CLASS_NOT_ALLOWED, f"{pointer}/vocabulary", "A vocabulary is no file.")


def is_name(text: str) -> bool:
    """Whether a layer may be called so: the name becomes a path (CVE-2026-12479)."""
    return NAME.fullmatch(text) is not None and ".." not in text


def _check_class(pointer: str, value: Mapping[str, object]) -> None:
    name, module = value.get("class_name"), value.get("module")
    if not isinstance(name, str) or not isinstance(module, str | None):
        refuse(ReasonCode.CONFIG_INVALID, f"{pointer}/class_name", "A class is named by strings.")
    if not _is_allowed(name, module, value):
        refuse(
            ReasonCode.CLASS_NOT_ALLOWED,
            pointer_to(pointer, "class_name"),
            f"{name[:SHOWN]!r} is not allowed.",
        )
    registered = value.get("registered_name")
    own = {name, value["config"]} if name == "function" else {name}
    if registered is not None and not (isinstance(registered, str) and registered in own):
        refuse(ReasonCode.CLASS_NOT_ALLOWED, f"{pointer}/registered_name", "No class of your own.")


def _is_allowed(name: str, module: str | None, value: Mapping[str, object]) -> bool:
    if name == "function":
        function = value.get("config")
        return module == "builtins" and isinstance(function, str) and function in FUNCTIONS
    if module is None:
        return name in MARKERS
    return (module, name) in CLASSES
