"""A graph's calls as Keras writes them: who is fed by which output of which call."""

from __future__ import annotations

from collections.abc import Mapping

from serving.keras_config.shapes import Row, Shape, misfit

Object = Mapping[str, object]


TENSORS = ("query", "value", "key", "inputs", "x", "x1", "x2")
"""Names under which a call may hand over what it works on, in their order."""


class Unresolved(Exception):  # noqa: N818 - no error: a call whose inputs come later
    """A tensor is not there yet."""


class CallInputs:
    """The arguments of a call, with shapes where tensors stand."""

    def __init__(
        self,
        made: Mapping[str, list[list[Shape]]],
        layers: Mapping[str, tuple[Object, str]],
        pointer: str,
    ) -> None:
        self._made, self._layers, self._pointer = made, layers, pointer
        self._shapes: list[Shape] = []

    def of(self, call: Object) -> tuple[list[object], list[Shape]]:
        """Raises Unresolved when a tensor is not there yet."""
        positional, named = call["args"], object_of(call["kwargs"])
        given = [*positional] if isinstance(positional, list) else [positional]
        given += [named[name] for name in TENSORS if name in named]
        return [self._value(each) for each in given], self._shapes

    def _value(self, value: object) -> object:
        if isinstance(value, list):
            return [self._value(each) for each in value]
        if not isinstance(value, dict):
            return value
        config = object_of(value.get("config") or {})
        match value.get("class_name"):
            case "__keras_tensor__":
                shape = self._tensor(config["keras_history"])
            case "__numpy__" | "__tensor__":
                shape = _lengths(config["value"])
            case "__slice__":
                return slice(*(_whole(config[name]) for name in ("start", "stop", "step")))
            case _:
                return Ellipsis
        self._shapes.append(shape)
        return shape

    def _tensor(self, history: object) -> Shape:
        (found,) = histories(history, self._pointer)
        if found[0] not in self._layers:
            misfit(self._pointer, "A call is fed by a layer that is not there.")
        return output_of(self._made, found, self._layers)


def output_of(
    made: Mapping[str, list[list[Shape]]],
    history: tuple[str, int, int],
    layers: Mapping[str, tuple[Object, str]],
) -> Shape:
    name, node, tensor = history
    if name not in layers:
        misfit("/config", "An output is of a layer that is not there.")
    calls = made.get(name, [])
    if layers[name][0]["class_name"] == "Functional":
        node = max(node - 1, 0) if node >= len(calls) else node  # its first node is its own
    if node >= len(calls):
        raise Unresolved
    if tensor >= len(calls[node]):
        misfit(layers[name][1], "A layer has fewer outputs.")
    return calls[node][tensor]


def histories(value: object, pointer: str) -> list[tuple[str, int, int]]:
    """Every [layer, call, output] in a nest of lists and objects."""
    match value:
        case [str(layer), int(node), int(tensor)] if node >= 0 and tensor >= 0:
            return [(layer, node, tensor)]
        case list():
            return [found for each in value for found in histories(each, pointer)]
        case dict():
            return [found for each in value.values() for found in histories(each, pointer)]
    return misfit(pointer, "A layer, a call and an output are expected.")


def row_of(shape: Shape, pointer: str) -> Row:
    row = tuple(length for length in shape[1:] if length is not None)
    if shape[:1] != (None,) or len(row) != len(shape) - 1:
        misfit(pointer, "Rows are mixed with something else.")
    return row


def _lengths(value: object) -> Shape:
    shape: list[int] = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return tuple(shape)


def _whole(value: object) -> int | None:
    return value if type(value) is int else None


def object_of(value: object) -> Object:
    if not isinstance(value, dict):
        misfit("/config", "An object is expected in the graph.")
    return value


def objects_of(value: object) -> list[Object]:
    assert isinstance(value, list)  # noqa: S101 - for mypy; the pass before looked
    return [object_of(each) for each in value]
