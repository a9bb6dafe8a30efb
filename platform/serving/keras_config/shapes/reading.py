"""The arguments of one layer, read as sizes; and what a rule about its shape takes and gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from serving.keras_config.values import MAX_INTEGER
from serving.reasons import ReasonCode, refuse

Dimension = int | None  # None is the number of rows
Shape = tuple[Dimension, ...]  # of a whole batch, as Keras writes it: (None, 28, 28)
Row = tuple[int, ...]  # the same without the batch: (28, 28)
Object = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Sized:
    """What a call implies.

    Attributes:
        outputs: one shape an output tensor.
        parameters: of the layer, when this is its first call.
        largest: elements a row of the largest tensor in between, e.g. attention's scores.
    """

    outputs: tuple[Row, ...]
    parameters: int = 0
    largest: int = 0


@dataclass(frozen=True, slots=True)
class Arguments:
    """A layer's config, with readers that refuse what is no size.

    Attributes:
        layer: sizes a layer inside this one (TimeDistributed, Bidirectional).
    """

    values: Object
    pointer: str
    layer: Callable[[object, str, Sequence[Row]], Sized] = field(repr=False)

    def refuse(self, name: str, detail: str) -> NoReturn:
        refuse(ReasonCode.VALUE_OUT_OF_RANGE, f"{self.pointer}/{name}", detail)

    def size(self, name: str, default: int | None = None) -> int:
        """A whole number from 1 to 2^20."""
        return self._whole(name, self._given(name, default), at_least=1)

    def sizes(self, name: str, rank: int, default: int | None = None) -> Row:
        """One number for all dimensions, or one for each."""
        given = self._given(name, default)
        if isinstance(given, list):
            if len(given) != rank:
                self.refuse(name, f"{rank} sizes are expected.")
            return tuple(self._whole(name, each, at_least=1) for each in given)
        return (self._whole(name, given, at_least=1),) * rank

    def margins(self, name: str, rank: int) -> tuple[tuple[int, int], ...]:
        """Padding or cropping: a number, one each dimension, or a pair each dimension."""
        given = self._given(name, 1)
        if rank == 1 and isinstance(given, list) and not any(isinstance(g, list) for g in given):
            given = [given]
        each = given if isinstance(given, list) else [given] * rank
        if len(each) != rank:
            self.refuse(name, f"{rank} margins are expected.")
        return tuple(self._pair(name, margin) for margin in each)

    def _pair(self, name: str, margin: object) -> tuple[int, int]:
        pair = margin if isinstance(margin, list) else [margin, margin]
        if len(pair) != 2:  # noqa: PLR2004 - a pair
            self.refuse(name, "A pair is expected.")
        before, after = (self._whole(name, each, at_least=0) for each in pair)
        return before, after

    def integers(self, name: str, default: Sequence[int] = ()) -> Row:
        """A whole number, or a list of them, of either sign."""
        given = self.values.get(name)
        if given is None:
            return tuple(default)
        each = given if isinstance(given, list) else [given]
        return tuple(self._whole(name, number, at_least=-MAX_INTEGER) for number in each)

    def flag(self, name: str, *, default: bool = False) -> bool:
        given = self.values.get(name, default)
        if given is not None and not isinstance(given, bool):
            self.refuse(name, "True or false is expected.")
        return bool(given)

    def text(self, name: str, default: str = "") -> str:
        given = self.values.get(name)
        return given if isinstance(given, str) else default

    def length(self, name: str) -> int:
        """How long a list is; 0 when there is none."""
        given = self.values.get(name)
        return len(given) if isinstance(given, list) else 0

    @property
    def channels_first(self) -> bool:
        return self.text("data_format") == "channels_first"

    def _given(self, name: str, default: int | None) -> object:
        given = self.values.get(name)
        return default if given is None else given

    def _whole(self, name: str, value: object, *, at_least: int) -> int:
        if type(value) is not int or not at_least <= value <= MAX_INTEGER:
            self.refuse(name, f"A whole number from {at_least} to {MAX_INTEGER} is expected.")
        return value


Rule = Callable[[Arguments, Sequence[Row]], Sized]


def misfit(pointer: str, detail: str) -> NoReturn:
    refuse(ReasonCode.GRAPH_INVALID, pointer, detail)


def first(a: Arguments, rows: Sequence[Row], *, rank: int | None = None) -> Row:
    """The first input, with as many dimensions as the layer needs."""
    if not rows or (rank is not None and len(rows[0]) != rank):
        misfit(a.pointer, f"An input of {rank or 'some'} dimensions is expected.")
    return rows[0]


def axis_of(a: Arguments, axis: int, rank: int) -> int:
    """Which dimension of a row an axis of the batch means; axis 0 is the batch itself."""
    place = axis + rank + 1 if axis < 0 else axis
    if not 1 <= place <= rank:
        misfit(a.pointer, f"There is no axis {axis}.")
    return place - 1


def broadcast(pointer: str, shapes: Sequence[Shape]) -> Shape:
    """As numpy does: aligned on the right, 1 is stretched."""
    rank = max(map(len, shapes), default=0)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    result: list[Dimension] = []
    for dimensions in zip(*padded, strict=True):
        lengths = set(dimensions) - {1}
        if None in lengths and len(lengths) > 1:
            misfit(pointer, "Rows are mixed with something else.")
        if len(lengths) > 1:
            misfit(pointer, "The shapes do not go together.")
        result.append(lengths.pop() if lengths else 1)
    return tuple(result)


def elements(shape: Sequence[Dimension]) -> int:
    """Of one row."""
    return math.prod(dimension for dimension in shape if dimension is not None)


def rows_in(value: object) -> list[Row]:
    """Every full shape in a nest of lists and objects, without its batch."""
    if isinstance(value, dict):
        return [row for each in value.values() for row in rows_in(each)]
    if not isinstance(value, list) or not value:
        return []
    if any(isinstance(each, list | dict) for each in value):
        return [row for each in value for row in rows_in(each)]
    row = tuple(length for length in value[1:] if type(length) is int)
    return [row] if len(row) == len(value) - 1 else []
