"""The config.json of a Keras model: what it may name, hold and imply; nothing of its training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.keras_config.allowed import OTHER_NAMES_OF_ROOTS, ROOTS
from serving.keras_config.graph import ConfigLimits, Graph
from serving.keras_config.objects import Objects
from serving.keras_config.values import check_values
from serving.reasons import ReasonCode, refuse

if TYPE_CHECKING:
    from serving.container import JsonObject
    from serving.keras_config.shapes import Shape

__all__ = ("ConfigLimits", "implied_outputs", "implied_parameters", "sanitised")

TRAINING = frozenset({"compile_config"})
"""Dropped at every level: Keras drops only the outermost when it does not compile."""
LIMITS = ConfigLimits()


def sanitised(config: JsonObject, limits: ConfigLimits = LIMITS) -> JsonObject:
    """The configuration without its training, once all in it is allowed.

    Three passes, each on what the one before has let through: every value for itself, every
    object in its place, every call in its graph.

    Raises:
        ArtefactError: root_not_a_model, class_not_allowed, config_invalid, member_unknown,
            value_not_allowed, value_out_of_range, layer_name_invalid, too_many_layers,
            too_many_parameters, tensor_too_large, input_shape_unknown or graph_invalid, with a
            pointer into config.json.
    """
    kept = _checked(config)
    Graph(limits).outputs(kept, "")
    return kept


def implied_parameters(config: JsonObject, limits: ConfigLimits = LIMITS) -> int:
    """How many numbers the weights hold, by the configuration alone (counters left aside).

    Raises:
        ArtefactError: as sanitised does.
    """
    graph = Graph(limits)
    graph.outputs(_checked(config), "")
    return graph.parameters


def implied_outputs(config: JsonObject, limits: ConfigLimits = LIMITS) -> list[Shape]:
    """The shapes of the outputs; None is the number of rows.

    Raises:
        ArtefactError: as sanitised does.
    """
    return Graph(limits).outputs(_checked(config), "")


def _checked(config: JsonObject) -> JsonObject:
    name, module = config.get("class_name"), config.get("module")
    known = {(module, name) for name, module in ROOTS.items()} | OTHER_NAMES_OF_ROOTS
    if not isinstance(name, str) or not isinstance(module, str) or (module, name) not in known:
        refuse(
            ReasonCode.ROOT_NOT_A_MODEL, "/class_name", "A Functional or Sequential is expected."
        )
    kept = _without_training(config)
    assert isinstance(kept, dict)  # noqa: S101 - for mypy; an object stays one
    check_values(kept)
    Objects().check_model(kept, "")
    return kept


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
