"""The third pass: follow every call through the graph and add up what it implies.

Keras builds a layer when it loads it, so sizes are known here first: a Dense of a million units
on a million inputs is refused before anything is allocated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from serving.documents import pointer_to
from serving.keras_config.allowed import OPERATIONS, ROOTS
from serving.keras_config.calls import (
    CallInputs,
    Object,
    Unresolved,
    histories,
    object_of,
    objects_of,
    output_of,
    row_of,
)
from serving.keras_config.shapes import (
    RULES,
    Arguments,
    Row,
    Shape,
    Sized,
    elements,
    misfit,
    operation_shape,
    rows_in,
)
from serving.reasons import ReasonCode, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_PASSES = 50  # over layers whose inputs do not exist yet; Keras tries again without end


@dataclass(frozen=True, slots=True)
class ConfigLimits:
    """What a configuration may imply.

    Attributes:
        layers: of the model and all models in it.
        calls: of all layers; a model called by a model called by a model multiplies.
        parameters: numbers in all weights; 2^26 in float32 are 256 MiB, the largest upload.
        elements: of one row of any tensor; the first layers of VGG16 have 3.2 million.
    """

    layers: int = 2_000
    calls: int = 10_000
    parameters: int = 2**26
    elements: int = 2**22


class Graph:
    """What one configuration implies; its objects are checked already."""

    def __init__(self, limits: ConfigLimits) -> None:
        self._limits = limits
        self._layers = 0
        self._calls = 0
        self._parameters: dict[object, int] = {}  # by the layer, once for all its places
        self.parameters = 0

    def outputs(self, model: Object, pointer: str) -> list[Shape]:
        """Follow the outermost model from its own inputs.

        Raises:
            ArtefactError: too_many_layers, too_many_parameters, tensor_too_large,
                value_out_of_range, input_shape_unknown or graph_invalid.
        """
        return self._model(model, pointer, None)

    def _model(self, model: Object, pointer: str, given: Sequence[Shape] | None) -> list[Shape]:
        config = object_of(model["config"])
        follow = self._sequential if model["class_name"] == "Sequential" else self._functional
        return follow(config, f"{pointer}/config", given)

    def _sequential(
        self, config: Object, pointer: str, given: Sequence[Shape] | None
    ) -> list[Shape]:
        first = objects_of(config["layers"])[:1]
        shapes = [*given] if given is not None else []
        if not first or first[0]["class_name"] != "InputLayer":
            shapes = [self._open_input(config, pointer, shapes[0] if shapes else None)]
        for index, layer in enumerate(objects_of(config["layers"])):
            place = pointer_to(f"{pointer}/layers", index)
            if layer["class_name"] == "InputLayer":
                self._count_layer(place)
                shapes = [self._input(layer, place, shapes[0] if shapes else None)]
            else:
                shapes = self._call(layer, place, shapes)
        return shapes

    def _open_input(self, config: Object, pointer: str, given: Shape | None) -> Shape:
        """A Sequential without an Input is built with this shape before anybody calls it."""
        shape = config.get("build_input_shape")
        if shape is None and given is not None:
            return given
        return self._declared(shape, f"{pointer}/build_input_shape", given)

    def _input(self, layer: Object, pointer: str, given: Shape | None) -> Shape:
        config = object_of(layer["config"])
        return self._declared(config.get("batch_shape"), f"{pointer}/config/batch_shape", given)

    def _declared(self, shape: object, pointer: str, given: Shape | None) -> Shape:
        """An input's own shape; what it leaves open is the caller's, if there is one."""
        if not isinstance(shape, list) or not shape:
            refuse(ReasonCode.INPUT_SHAPE_UNKNOWN, pointer, "An input has no shape.")
        if given is not None and len(given) != len(shape):
            misfit(pointer, "The model is called with another shape.")
        lengths: list[int] = []
        for place, length in enumerate(shape[1:], start=1):
            known = given[place] if given is not None else None
            if length is not None and (type(length) is not int or length < 1):
                refuse(ReasonCode.VALUE_OUT_OF_RANGE, pointer, "A length of 1 or more is expected.")
            if length is None and known is None:
                refuse(ReasonCode.INPUT_SHAPE_UNKNOWN, pointer, "An input's length is open.")
            if None not in {length, known} and length != known:
                misfit(pointer, "The model is called with another shape.")
            lengths.append(length if length is not None else known or 1)
        self._check_elements(lengths, pointer)
        return (None, *lengths)

    def _functional(
        self, config: Object, pointer: str, given: Sequence[Shape] | None
    ) -> list[Shape]:
        layers = {
            str(layer["name"]): (layer, pointer_to(f"{pointer}/layers", index))
            for index, layer in enumerate(objects_of(config["layers"]))
        }
        if len(layers) != len(objects_of(config["layers"])):
            misfit(f"{pointer}/layers", "Two layers have one name.")
        inputs = histories(config.get("input_layers"), f"{pointer}/input_layers")
        if given is not None and len(given) != len(inputs):
            misfit(pointer, "The model is called with another number of inputs.")
        made = self._inputs(layers, [name for name, _, _ in inputs], given)
        self._resolve(layers, made)
        outputs = histories(config.get("output_layers"), f"{pointer}/output_layers")
        try:
            return [output_of(made, history, layers) for history in outputs]
        except Unresolved:
            return misfit(f"{pointer}/output_layers", "An output is of a call that is not made.")

    def _inputs(
        self,
        layers: Mapping[str, tuple[Object, str]],
        order: Sequence[str],
        given: Sequence[Shape] | None,
    ) -> dict[str, list[list[Shape]]]:
        """The shapes that are there before any call: name to calls to outputs."""
        made: dict[str, list[list[Shape]]] = {}
        for name, (layer, pointer) in layers.items():
            if str(layer.get("name")) != object_of(layer["config"]).get("name"):
                misfit(f"{pointer}/name", "A layer has two names.")
            if layer["class_name"] == "InputLayer":
                self._count_layer(pointer)
                known = given[order.index(name)] if given is not None and name in order else None
                made[name] = [[self._input(layer, pointer, known)]]
            elif not layer["inbound_nodes"]:
                misfit(pointer, "A layer is never called.")
        return made

    def _resolve(
        self, layers: Mapping[str, tuple[Object, str]], made: dict[str, list[list[Shape]]]
    ) -> None:
        """Make every call once its inputs are there, in as many passes as that takes."""
        waiting = {
            name: [*enumerate(objects_of(layer["inbound_nodes"]))]
            for name, (layer, _) in layers.items()
            if layer["inbound_nodes"]
        }
        for _ in range(MAX_PASSES):
            for name in [*waiting]:
                layer, pointer = layers[name]
                self._make_calls(layer, pointer, waiting[name], made, layers)
                if not waiting[name]:
                    del waiting[name]
            if not waiting:
                return
        misfit(layers[next(iter(waiting))][1], "The calls go in a circle, or lead nowhere.")

    def _make_calls(
        self,
        layer: Object,
        pointer: str,
        calls: list[tuple[int, Object]],
        made: dict[str, list[list[Shape]]],
        layers: Mapping[str, tuple[Object, str]],
    ) -> None:
        while calls:
            index, call = calls[0]
            try:
                arguments, shapes = CallInputs(made, layers, pointer).of(call)
            except Unresolved:
                return
            calls.pop(0)
            place = f"{pointer}/inbound_nodes/{index}"
            outputs = self._call(layer, pointer, shapes, arguments=arguments, call=place)
            made.setdefault(str(layer["name"]), []).append(outputs)

    def _call(
        self,
        layer: Object,
        pointer: str,
        shapes: Sequence[Shape],
        *,
        arguments: Sequence[object] = (),
        call: str = "",
    ) -> list[Shape]:
        self._count_call(pointer)
        if _identity(layer) not in self._parameters:
            self._count_layer(pointer)
            self._parameters[_identity(layer)] = 0
        config, name = object_of(layer["config"]), str(layer["class_name"])
        if layer["module"] in OPERATIONS:
            shape = operation_shape(name, config, call or pointer, arguments, shapes)
            self._check_elements(shape, pointer)
            return [shape]
        if name in ROOTS:
            return self._model(layer, pointer, shapes)
        sized = self._size(layer, pointer, [row_of(shape, pointer) for shape in shapes])
        return [(None, *row) for row in sized.outputs]

    def _size(self, layer: object, pointer: str, rows: Sequence[Row]) -> Sized:
        """A layer on rows, and as it would be built while it is loaded."""
        layer = object_of(layer)
        name, config = str(layer["class_name"]), object_of(layer["config"])
        if name in ROOTS:
            shapes = self._model(layer, pointer, [(None, *row) for row in rows])
            sized = Sized(tuple(row_of(shape, pointer) for shape in shapes))
        elif name not in RULES:
            refuse(ReasonCode.CLASS_NOT_ALLOWED, f"{pointer}/class_name", "Not a layer to call.")
        else:
            sized = RULES[name](Arguments(config, f"{pointer}/config", self._inner), rows)
        for row in (*sized.outputs, (sized.largest,)):
            self._check_elements(row, pointer)
        self._check_parameters(layer, pointer, sized.parameters)
        self._check_build(layer, name, pointer)
        return sized

    def _inner(self, layer: object, pointer: str, rows: Sequence[Row]) -> Sized:
        """A layer inside another: wrappers of wrappers multiply, so each counts as a call."""
        self._count_call(pointer)
        return self._size(layer, pointer, rows)

    def _check_build(self, layer: Object, name: str, pointer: str) -> None:
        """build_config builds the layer, whatever it is called with later."""
        build = layer.get("build_config")
        if not isinstance(build, dict) or name not in RULES:
            return
        place, given = (
            f"{pointer}/build_config",
            build.get("shapes_dict") or build.get("input_shape"),
        )
        rows = [row for row in rows_in(given) if row]
        for row in rows:
            self._check_elements(row, place)
        arguments = Arguments(object_of(layer["config"]), f"{pointer}/config", self._inner)
        if rows:
            self._check_parameters(layer, place, RULES[name](arguments, rows).parameters)

    def _count_call(self, pointer: str) -> None:
        self._calls += 1
        if self._calls > self._limits.calls:
            refuse(ReasonCode.TOO_MANY_LAYERS, pointer, f"Over {self._limits.calls} calls.")

    def _count_layer(self, pointer: str) -> None:
        self._layers += 1
        if self._layers > self._limits.layers:
            refuse(ReasonCode.TOO_MANY_LAYERS, pointer, f"Over {self._limits.layers} layers.")

    def _check_parameters(self, layer: Object, pointer: str, parameters: int) -> None:
        known = self._parameters.get(_identity(layer), 0)
        self._parameters[_identity(layer)] = max(known, parameters)
        self.parameters += max(parameters - known, 0)
        if self.parameters > self._limits.parameters:
            limit = self._limits.parameters
            refuse(ReasonCode.TOO_MANY_PARAMETERS, pointer, f"More than {limit} parameters.")

    def _check_elements(self, shape: Sequence[int | None], pointer: str) -> None:
        if elements(shape) > self._limits.elements:
            limit = self._limits.elements
            refuse(ReasonCode.TENSOR_TOO_LARGE, pointer, f"More than {limit} elements a row.")


def _identity(layer: Object) -> object:
    """A layer that two models share stands in both, under one id, and has its weights once."""
    shared = layer.get("shared_object_id")
    return id(layer) if shared is None else ("shared", shared)
