"""Layers that go through a row step by step, wrap another layer, or attend."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from serving.keras_config.shapes.reading import Sized, elements, first, misfit, rows_in
from serving.keras_config.shapes.spatial import join, slid, split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from serving.keras_config.shapes.reading import Arguments, Row, Rule

GATES = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}
STATES = {"SimpleRNN": 1, "GRU": 1, "LSTM": 2}
MAX_UNROLLED = 1_000  # steps; unrolled, each is a copy of the graph
EINSUM = re.compile(r"(\.\.\.)?(\w+),(\w+)->(\.\.\.)?(\w+)")


def recurrent(a: Arguments, rows: Sequence[Row], *, name: str) -> Sized:
    steps, width = first(a, rows, rank=2)
    units = a.size("units")
    return _sequence(a, steps, (units,) * STATES[name], _cell_parameters(a, name, width))


def with_cell(a: Arguments, rows: Sequence[Row]) -> Sized:
    """An RNN around one of Keras' cells, or several of them on top of each other."""
    steps, width = first(a, rows, rank=2)
    states: list[int] = []
    parameters = 0
    for name, cell, built in _cells(a, a.values.get("cell"), f"{a.pointer}/cell"):
        units = cell.size("units")
        parameters += _cell_parameters(cell, name, max(width, built))
        states += [units] * STATES[name]
        width = units
    if not states:
        misfit(a.pointer, "A cell is expected.")
    sized = _sequence(a, steps, (width,), parameters)
    kept = tuple((n,) for n in states) if a.flag("return_state") else ()
    return Sized(sized.outputs[:1] + kept, parameters, sized.largest)


def _cells(a: Arguments, cell: object, pointer: str) -> list[tuple[str, Arguments, int]]:
    """Each cell by its kind, with the width that it is built with before it is called.

    Their form was looked at by the pass before.
    """
    if not isinstance(cell, dict) or not isinstance(cell.get("config"), dict):
        return []
    config, name = cell["config"], str(cell.get("class_name"))
    if name == "StackedRNNCells":
        return [
            found
            for index, inner in enumerate(config.get("cells", ()))
            for found in _cells(a, inner, f"{pointer}/config/cells/{index}")
        ]
    built = max((row[-1] for row in rows_in(cell.get("build_config")) if row), default=0)
    arguments = replace(a, values=config, pointer=f"{pointer}/config")
    return [(name.removesuffix("Cell"), arguments, built)]


def _cell_parameters(a: Arguments, name: str, width: int) -> int:
    units = a.size("units")
    biases = a.flag("use_bias", default=True) * (
        2 if name == "GRU" and a.flag("reset_after", default=True) else 1
    )
    return GATES[name] * units * (width + units + biases)


def _sequence(a: Arguments, steps: int, states: Row, parameters: int) -> Sized:
    if a.flag("unroll") and steps > MAX_UNROLLED:
        a.refuse("unroll", f"At most {MAX_UNROLLED} steps may be unrolled.")
    last = (states[0],)
    outputs = [(steps, states[0]) if a.flag("return_sequences") else last]
    if a.flag("return_state"):
        outputs += [(n,) for n in states]
    return Sized(tuple(outputs), parameters, steps * states[0] * len(states))


def convolutional(a: Arguments, rows: Sequence[Row], *, rank: int) -> Sized:
    row = first(a, rows, rank=rank + 2)
    spatial, channels = split(a, [row[1:]], rank)
    filters, window = a.size("filters"), a.sizes("kernel_size", rank)
    out = join(a, slid(a, spatial, window, a.sizes("strides", rank, 1)), filters)
    taken = math.prod(window) * (channels + filters) + a.flag("use_bias", default=True)
    parameters = GATES["LSTM"] * filters * taken
    outputs = [(row[0], *out) if a.flag("return_sequences") else out]
    if a.flag("return_state"):
        outputs += [out, out]
    return Sized(tuple(outputs), parameters, row[0] * elements(out))


def both_ways(a: Arguments, rows: Sequence[Row]) -> Sized:
    there = a.layer(a.values.get("layer"), f"{a.pointer}/layer", rows)
    back, copied = there, there.parameters
    if a.values.get("backward_layer") is not None:
        back = a.layer(a.values["backward_layer"], f"{a.pointer}/backward_layer", rows)
        copied = 0
    if len(there.outputs) != len(back.outputs) or there.outputs[0] != back.outputs[0]:
        misfit(a.pointer, "The two directions differ in shape.")
    merge = a.values.get("merge_mode", "concat")
    row = there.outputs[0]
    if merge is None:
        merged: tuple[Row, ...] = (row, row)
    else:
        merged = ((*row[:-1], 2 * row[-1]) if merge == "concat" else row,)
    return Sized(
        merged + there.outputs[1:] + back.outputs[1:],
        copied,
        max(there.largest, back.largest),
    )


def each_step(a: Arguments, rows: Sequence[Row]) -> Sized:
    row = first(a, rows)
    if not row:
        misfit(a.pointer, "A sequence is expected.")
    inner = a.layer(a.values.get("layer"), f"{a.pointer}/layer", [row[1:]])
    outputs = tuple((row[0], *output) for output in inner.outputs)
    return Sized(outputs, 0, row[0] * inner.largest)


def attended(a: Arguments, rows: Sequence[Row], *, wide: bool) -> Sized:
    """Dot-product or additive attention over [query, value] or [query, value, key]."""
    if len(rows) < 2 or any(len(row) != 2 for row in rows[:2]):  # noqa: PLR2004 - steps, width
        misfit(a.pointer, "A query and a value of two dimensions are expected.")
    (asked, width), (known, depth) = rows[:2]
    concatenated = wide or a.text("score_mode") == "concat"
    scales = a.flag("use_scale", default=wide) * (width if wide else 1)
    parameters = scales + (not wide and concatenated)
    return Sized(((asked, depth),), parameters, asked * known * (width if concatenated else 1))


def many_heads(a: Arguments, rows: Sequence[Row]) -> Sized:
    query, value, key = _asked(a, rows)
    heads, depth = a.size("num_heads"), a.size("key_dim")
    carried = a.size("value_dim", depth)
    output = a.integers("output_shape") or query[-1:]
    if min(output) < 1:
        a.refuse("output_shape", "Lengths of 1 or more are expected.")
    bias = a.flag("use_bias", default=True)
    inner = heads * (depth * (query[-1] + key[-1] + 2 * bias) + carried * (value[-1] + bias))
    gate = heads * carried * (query[-1] + bias) if a.flag("use_gate") else 0
    parameters = inner + gate + (heads * carried + bias) * math.prod(output)
    scores = heads * elements(query[:-1]) * elements(key[:-1])
    return Sized(((*query[:-1], *output),), parameters, scores)


def grouped_heads(a: Arguments, rows: Sequence[Row]) -> Sized:
    query, value, key = _asked(a, rows)
    depth, heads = a.size("head_dim"), a.size("num_query_heads")
    shared = a.size("num_key_value_heads")
    bias = a.flag("use_bias", default=True)
    inner = depth * (heads * (query[-1] + bias) + shared * (key[-1] + value[-1] + 2 * bias))
    gate = depth * heads * (query[-1] + bias) if a.flag("use_gate") else 0
    parameters = inner + gate + (heads * depth + bias) * query[-1]
    scores = heads * elements(query[:-1]) * elements(key[:-1])
    return Sized((query,), parameters, scores)


def _asked(a: Arguments, rows: Sequence[Row]) -> tuple[Row, Row, Row]:
    """Query, value and key; the value is its own key when there is no other."""
    if len(rows) < 2 or any(len(row) < 2 for row in rows[:3]):  # noqa: PLR2004 - steps, width
        misfit(a.pointer, "A query and a value of at least two dimensions are expected.")
    query, value = rows[:2]
    return query, value, rows[2] if len(rows) > 2 else value  # noqa: PLR2004 - a key


def summed(a: Arguments, rows: Sequence[Row]) -> Sized:
    """An EinsumDense: its equation says which dimensions the kernel has."""
    row, match = first(a, rows), EINSUM.fullmatch(a.text("equation"))
    if match is None:
        a.refuse("equation", "One input and one kernel are expected.")
    open_in, given, kernel, open_out, made = match.groups()
    if bool(open_in) != bool(open_out):
        a.refuse("equation", "Three dots stand on both sides or on none.")
    whole: tuple[int | None, ...] = (None, *row)
    lead = whole[: len(whole) - len(given)] if open_in else ()
    if len(lead) + len(given) != len(whole) or (open_in and not lead):
        misfit(a.pointer, "The equation does not suit the input.")
    lengths: dict[str, int | None] = dict(zip(given, whole[len(lead) :], strict=True))
    _add_made(a, lengths, made, kernel)
    sizes = [lengths.get(letter) for letter in kernel]
    output = (*lead, *(lengths.get(letter) for letter in made))
    if None in sizes or None in output[1:]:
        misfit(a.pointer, "The equation mixes the rows, or leaves a length open.")
    known = [n for n in sizes if n is not None]
    biased = a.text("bias_axes")
    bias = elements([lengths.get(letter) for letter in biased]) if biased else 0
    return Sized((tuple(n for n in output[1:] if n is not None),), math.prod(known) + bias)


def _add_made(a: Arguments, lengths: dict[str, int | None], made: str, kernel: str) -> None:
    """output_shape, aligned on the right, names what the input does not have."""
    given = a.values.get("output_shape")
    shape = given if isinstance(given, list) else [given]
    for letter, length in zip(reversed(made), reversed(shape), strict=False):
        if letter in kernel and letter not in lengths:
            if type(length) is not int or length < 1:
                a.refuse("output_shape", "A length of 1 or more is expected.")
            lengths[letter] = length


RULES: Mapping[str, Rule] = {
    **{name: partial(recurrent, name=name) for name in GATES},
    **{f"ConvLSTM{rank}D": partial(convolutional, rank=rank) for rank in (1, 2, 3)},
    "AdditiveAttention": partial(attended, wide=True),
    "Attention": partial(attended, wide=False),
    "Bidirectional": both_ways,
    "EinsumDense": summed,
    "GroupQueryAttention": grouped_heads,
    "MultiHeadAttention": many_heads,
    "RNN": with_cell,
    "TimeDistributed": each_step,
}
