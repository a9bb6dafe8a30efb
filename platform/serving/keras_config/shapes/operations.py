"""x + y, keras.ops.mean(x), x[:, 2]: operations in a graph, on shapes with their batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.keras_config.shapes.reading import broadcast, misfit
from serving.keras_config.shapes.spatial import fitted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from serving.keras_config.shapes.reading import Dimension, Shape

REDUCTIONS = frozenset(
    {"Argmax", "Argmin", "Logsumexp", "Max", "Mean", "Min", "Prod", "Std", "Sum", "Var"}
)


class Operation:
    """One call of an operation; every method gives the shape of its one output."""

    def __init__(
        self, name: str, config: Mapping[str, object], pointer: str, arguments: Sequence[object]
    ) -> None:
        self._name, self._config, self._pointer = name, config, pointer
        self._arguments = arguments  # shapes, where tensors stood

    def shape(self, shapes: Sequence[Shape]) -> Shape:  # noqa: PLR0911 - one a kind
        if self._name in REDUCTIONS:
            return self._reduced(self._one(shapes))
        match self._name:
            case "Concatenate":
                return self._concatenated(shapes)
            case "Stack":
                place = self._axis("axis", len(self._one(shapes)) + 1, default=0)
                shape = broadcast(self._pointer, shapes)
                return (*shape[:place], len(shapes), *shape[place:])
            case "Matmul":
                return self._multiplied(shapes)
            case "GetItem":
                return self._picked(self._one(shapes))
            case "Reshape" | "Transpose" | "Swapaxes" | "ExpandDims" | "Squeeze":
                return self._rearranged(self._one(shapes))
        self._one(shapes)
        return broadcast(self._pointer, shapes)  # one for one

    def _one(self, shapes: Sequence[Shape]) -> Shape:
        if not shapes:
            misfit(self._pointer, "An operation on nothing.")
        return shapes[0]

    def _integers(self, name: str) -> list[int] | None:
        given = self._config.get(name)
        if given is None:
            return None
        each = given if isinstance(given, list) else [given]
        numbers = [n for n in each if type(n) is int]
        if len(numbers) != len(each):
            misfit(f"{self._pointer}/config/{name}", "Whole numbers are expected.")
        return numbers

    def _axis(self, name: str, rank: int, *, default: int) -> int:
        return self._place((self._integers(name) or [default])[0], rank)

    def _place(self, axis: int, rank: int) -> int:
        place = axis + rank if axis < 0 else axis
        if not 0 <= place < rank:
            misfit(self._pointer, f"There is no axis {axis}.")
        return place

    def _reduced(self, shape: Shape) -> Shape:
        axes = self._integers("axis")
        gone = {self._place(a, len(shape)) for a in (range(len(shape)) if axes is None else axes)}
        if self._config.get("keepdims"):
            return tuple(1 if place in gone else n for place, n in enumerate(shape))
        return tuple(n for place, n in enumerate(shape) if place not in gone)

    def _concatenated(self, shapes: Sequence[Shape]) -> Shape:
        shape = self._one(shapes)
        place = self._axis("axis", len(shape), default=0)
        lengths = [other[place] for other in shapes if len(other) == len(shape)]
        rest = {other[:place] + other[place + 1 :] for other in shapes}
        if len(rest) != 1 or len(lengths) != len(shapes) or None in lengths:
            misfit(self._pointer, "The shapes do not go together.")
        joined = sum(n for n in lengths if n is not None)
        return (*shape[:place], joined, *shape[place + 1 :])

    def _multiplied(self, shapes: Sequence[Shape]) -> Shape:
        if len(shapes) != 2 or min(map(len, shapes)) < 2:  # noqa: PLR2004 - matrices
            misfit(self._pointer, "Two matrices are expected.")
        left, right = shapes
        if left[-1] != right[-2] or left[-1] is None:
            misfit(self._pointer, "The shapes do not go together.")
        return (*broadcast(self._pointer, (left[:-2], right[:-2])), left[-2], right[-1])

    def _rearranged(self, shape: Shape) -> Shape:
        match self._name:
            case "Reshape":
                return self._reshaped(shape)
            case "Transpose":
                axes = self._integers("axes") or [*reversed(range(len(shape)))]
                places = [self._place(axis, len(shape)) for axis in axes]
                if sorted(places) != [*range(len(shape))]:
                    misfit(self._pointer, "Each axis once is expected.")
                return tuple(shape[place] for place in places)
            case "Swapaxes":
                one = self._axis("axis1", len(shape), default=-1)
                other = self._axis("axis2", len(shape), default=-1)
                swapped = [*shape]
                swapped[one], swapped[other] = shape[other], shape[one]
                return tuple(swapped)
            case "ExpandDims":
                place = self._axis("axis", len(shape) + 1, default=-1)
                return (*shape[:place], 1, *shape[place:])
        return self._squeezed(shape)

    def _squeezed(self, shape: Shape) -> Shape:
        axes = self._integers("axis")
        gone = (
            {place for place, n in enumerate(shape) if n == 1}
            if axes is None
            else {self._place(axis, len(shape)) for axis in axes}
        )
        if any(shape[place] != 1 for place in gone):
            misfit(self._pointer, "Only a dimension of 1 can go.")
        return tuple(n for place, n in enumerate(shape) if place not in gone)

    def _reshaped(self, shape: Shape) -> Shape:
        """Rows must stay rows: the first length is the batch's, so it is left open."""
        target = self._integers("newshape") or []
        if shape[:1] != (None,) or None in shape[1:] or target[:1] != [-1]:
            misfit(self._pointer, "A row must stay a row: the first length is -1.")
        row = tuple(n for n in shape[1:] if n is not None)
        return (None, *fitted(self._pointer, row, target[1:]))

    def _picked(self, shape: Shape) -> Shape:
        key = self._arguments[1] if len(self._arguments) > 1 else None
        keys = [*key] if isinstance(key, list) else [key]
        left: list[Dimension] = []
        rest = [*shape]
        while keys:
            step = keys.pop(0)
            if step is None:
                left.append(1)
            elif step is Ellipsis:
                covered = sum(each is not None for each in keys)
                left += rest[: len(rest) - covered]
                rest = rest[len(rest) - covered :] if covered else []
            elif not rest:
                misfit(self._pointer, "More indices than dimensions.")
            elif isinstance(step, slice) and step.step != 0:
                left.append(_sliced(rest.pop(0), step))
            elif type(step) is int:
                rest.pop(0)
            else:
                misfit(self._pointer, "An index is a number, a slice or three dots.")
        return (*left, *rest)


def _sliced(length: Dimension, step: slice) -> Dimension:
    if length is None:
        return None if step == slice(None) else 1  # fewer rows than were sent: refused on trial
    return len(range(*step.indices(length)))


def operation_shape(
    name: str,
    config: Mapping[str, object],
    pointer: str,
    arguments: Sequence[object],
    shapes: Sequence[Shape],
) -> Shape:
    """The shape of an operation's output.

    `arguments` are the call's in their order, tensors as shapes and slices as slices; `shapes`
    are those of the tensors and constants among them.

    Raises:
        ArtefactError: graph_invalid.
    """
    return Operation(name, config, pointer, arguments).shape(shapes)
