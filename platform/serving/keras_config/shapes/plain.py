"""Layers that leave a row's shape alone, join rows, or look values up."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from serving.keras_config.shapes.reading import Sized, axis_of, broadcast, elements, first, misfit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.keras_config.shapes.reading import Arguments, Row, Rule

IN_ONE = "one_hot"
COUNTED = frozenset({"count", "multi_hot", "tf_idf"})


def unchanged(a: Arguments, rows: Sequence[Row]) -> Sized:
    return Sized((first(a, rows),))


def dense(a: Arguments, rows: Sequence[Row]) -> Sized:
    row, units = first(a, rows), a.size("units")
    if not row:
        misfit(a.pointer, "An input of at least one dimension is expected.")
    return Sized(((*row[:-1], units),), row[-1] * units + units * a.flag("use_bias", default=True))


def embedding(a: Arguments, rows: Sequence[Row]) -> Sized:
    width = a.size("output_dim")
    return Sized(((*first(a, rows), width),), a.size("input_dim") * width)


def prelu(a: Arguments, rows: Sequence[Row]) -> Sized:
    row = first(a, rows)
    shared = {axis_of(a, axis, len(row)) for axis in a.integers("shared_axes")}
    own = math.prod(n for place, n in enumerate(row) if place not in shared)
    return Sized((row,), own)


def normalised(a: Arguments, rows: Sequence[Row], *, learnt: Sequence[str], kept: int) -> Sized:
    """A normalisation over some axes, with numbers for each place along them.

    Those are one for each flag in `learnt` that is set (gamma, beta), and `kept` more (a
    running mean and variance).
    """
    row = first(a, rows)
    axes = {axis_of(a, axis, len(row)) for axis in a.integers("axis", (-1,))}
    if "groups" in a.values:
        _check_groups(a, row)
    each = kept + sum(a.flag(name, default=True) for name in learnt)
    return Sized((row,), each * math.prod(row[axis] for axis in axes))


def layer_normalised(a: Arguments, rows: Sequence[Row]) -> Sized:
    learnt = ("scale",) if a.flag("rms_scaling") else ("scale", "center")
    return normalised(a, rows, learnt=learnt, kept=0)


def standardised(a: Arguments, rows: Sequence[Row]) -> Sized:
    """Mean and variance from the config, or as weights with the count behind them."""
    row = first(a, rows)
    if a.values.get("mean") is not None:
        return Sized((row,))
    given = a.values.get("axis", -1)
    axes = {
        axis_of(a, axis, len(row)) for axis in a.integers("axis", () if given is None else (-1,))
    }
    return Sized((row,), 2 * math.prod(row[axis] for axis in axes) + 1)


def _check_groups(a: Arguments, row: Row) -> None:
    groups = a.integers("groups")  # -1 is one group a channel
    channels = row[axis_of(a, (*a.integers("axis"), -1)[0], len(row))]
    if len(groups) != 1 or (groups[0] != -1 and (groups[0] < 1 or channels % groups[0])):
        a.refuse("groups", "The channels do not fall into so many groups.")


def merged(a: Arguments, rows: Sequence[Row]) -> Sized:
    first(a, rows)
    shape = broadcast(a.pointer, rows)
    return Sized((tuple(n for n in shape if n is not None),))


def concatenated(a: Arguments, rows: Sequence[Row]) -> Sized:
    row = first(a, rows)
    place = axis_of(a, (*a.integers("axis"), -1)[0], len(row))
    rest = {other[:place] + other[place + 1 :] for other in rows if len(other) == len(row)}
    if len(rest) != 1 or any(len(other) != len(row) for other in rows):
        misfit(a.pointer, "The shapes do not go together.")
    joined = sum(other[place] for other in rows)
    return Sized(((*row[:place], joined, *row[place + 1 :]),))


def dotted(a: Arguments, rows: Sequence[Row]) -> Sized:
    if len(rows) != 2:  # noqa: PLR2004 - a pair
        misfit(a.pointer, "Two inputs are expected.")
    axes = a.integers("axes", (-1,))
    pair = axes if len(axes) == 2 else axes[:1] * 2  # noqa: PLR2004 - a pair
    one, other = (axis_of(a, axis, len(row)) for axis, row in zip(pair, rows, strict=True))
    if rows[0][one] != rows[1][other]:
        misfit(a.pointer, "The shapes do not go together.")
    left = rows[0][:one] + rows[0][one + 1 :] + rows[1][:other] + rows[1][other + 1 :]
    return Sized((left or (1,),))


def encoded(a: Arguments, rows: Sequence[Row], tokens: int) -> Sized:
    """Codes as they are, or as so many columns."""
    row, mode = first(a, rows), a.text("output_mode", "int")
    if mode == IN_ONE:
        row = (*(row[:-1] if row[-1:] == (1,) else row), tokens)
    elif mode in COUNTED:
        row = (*row[:-1], tokens)
    return Sized((row,))


def category_encoding(a: Arguments, rows: Sequence[Row]) -> Sized:
    mode = a.text("output_mode", "multi_hot")
    row, tokens = first(a, rows), a.size("num_tokens")
    if mode == IN_ONE:
        return Sized(((*(row[:-1] if row[-1:] == (1,) else row), tokens),))
    return Sized(((*row[:-1], tokens),))


def discretised(a: Arguments, rows: Sequence[Row]) -> Sized:
    bins = a.length("bin_boundaries") + 1 if a.length("bin_boundaries") else a.size("num_bins", 1)
    return encoded(a, rows, bins)


def hashed(a: Arguments, rows: Sequence[Row]) -> Sized:
    return encoded(a, rows, a.size("num_bins"))


def looked_up(a: Arguments, rows: Sequence[Row]) -> Sized:
    known = a.length("vocabulary") + sum(a.integers("num_oov_indices", (1,)))
    return encoded(a, rows, max(known, a.size("max_tokens", 1), a.size("vocabulary_size", 1)))


def flattened(a: Arguments, rows: Sequence[Row]) -> Sized:
    return Sized(((elements(first(a, rows)),),))


UNCHANGED = (
    "Activation", "ActivityRegularization", "AlphaDropout", "Dropout", "ELU", "GaussianDropout",
    "GaussianNoise", "Identity", "LeakyReLU", "Masking", "RandomBrightness", "RandomContrast",
    "RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "ReLU", "Rescaling",
    "Softmax", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "UnitNormalization",
)  # fmt: skip
LEARNT = ("scale", "center")
MERGED = ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract")
RULES: dict[str, Rule] = {
    **dict.fromkeys(UNCHANGED, unchanged),
    **dict.fromkeys(MERGED, merged),
    "BatchNormalization": partial(normalised, learnt=LEARNT, kept=2),
    "CategoryEncoding": category_encoding,
    "Concatenate": concatenated,
    "Dense": dense,
    "Discretization": discretised,
    "Dot": dotted,
    "Embedding": embedding,
    "Flatten": flattened,
    "GroupNormalization": partial(normalised, learnt=LEARNT, kept=0),
    "Hashing": hashed,
    "IntegerLookup": looked_up,
    "LayerNormalization": layer_normalised,
    "Normalization": standardised,
    "PReLU": prelu,
    "RMSNormalization": partial(normalised, learnt=(), kept=1),
    "StringLookup": looked_up,
}
