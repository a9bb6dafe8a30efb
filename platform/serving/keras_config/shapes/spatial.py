"""Layers that slide over a row, or stretch, cut and rearrange it."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from serving.keras_config.shapes.reading import Sized, elements, first, misfit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.keras_config.shapes.reading import Arguments, Row, Rule


def split(a: Arguments, rows: Sequence[Row], rank: int) -> tuple[Row, int]:
    """The dimensions to slide over, and the channels."""
    row = first(a, rows, rank=rank + 1)
    return (row[1:], row[0]) if a.channels_first else (row[:-1], row[-1])


def join(a: Arguments, spatial: Row, channels: int) -> Row:
    return (channels, *spatial) if a.channels_first else (*spatial, channels)


def biases(a: Arguments) -> int:
    """For each filter."""
    return int(a.flag("use_bias", default=True))


def slid(a: Arguments, spatial: Row, window: Row, strides: Row) -> Row:
    """How often a window fits, Keras' "same" and "causal" padding included."""
    rank = len(spatial)
    dilation = a.sizes("dilation_rate", rank, 1)
    padded = a.text("padding", "valid") != "valid"
    lengths = [
        -(-n // s) if padded else (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(spatial, window, strides, dilation, strict=True)
    ]
    if min(lengths, default=1) < 1:
        misfit(a.pointer, "The window is larger than what it slides over.")
    return tuple(lengths)


def convolved(a: Arguments, rows: Sequence[Row], *, rank: int) -> Sized:
    spatial, channels = split(a, rows, rank)
    filters, groups = a.size("filters"), a.size("groups", 1)
    window = a.sizes("kernel_size", rank)
    if channels % groups or filters % groups:
        a.refuse("groups", "The channels do not fall into so many groups.")
    out = slid(a, spatial, window, a.sizes("strides", rank, 1))
    parameters = (math.prod(window) * (channels // groups) + biases(a)) * filters
    return Sized((join(a, out, filters),), parameters)


def transposed(a: Arguments, rows: Sequence[Row], *, rank: int) -> Sized:
    """As keras.src.backend.common.backend_utils computes it."""
    spatial, channels = split(a, rows, rank)
    filters, window = a.size("filters"), a.sizes("kernel_size", rank)
    strides, dilation = a.sizes("strides", rank, 1), a.sizes("dilation_rate", rank, 1)
    same = a.text("padding", "valid") == "same"
    extra = a.integers("output_padding")
    more = (extra * rank if len(extra) == 1 else extra) or (None,) * rank
    if len(more) != rank:
        a.refuse("output_padding", f"{rank} sizes are expected.")
    out = []
    for n, k, s, d, added in zip(spatial, window, strides, dilation, more, strict=True):
        wide = d * (k - 1) + 1
        if added is None:
            out.append(n * s if same else n * s + max(wide - s, 0))
        else:
            out.append(max(1, (n - 1) * s + wide - (2 * (wide // 2) if same else 0) + added))
    parameters = (math.prod(window) * channels + biases(a)) * filters
    return Sized((join(a, tuple(out), filters),), parameters)


def depthwise(a: Arguments, rows: Sequence[Row], *, rank: int) -> Sized:
    spatial, channels = split(a, rows, rank)
    deep, window = channels * a.size("depth_multiplier", 1), a.sizes("kernel_size", rank)
    out = slid(a, spatial, window, a.sizes("strides", rank, 1))
    return Sized((join(a, out, deep),), (math.prod(window) + biases(a)) * deep)


def separable(a: Arguments, rows: Sequence[Row], *, rank: int) -> Sized:
    spatial, channels = split(a, rows, rank)
    deep, window = channels * a.size("depth_multiplier", 1), a.sizes("kernel_size", rank)
    filters = a.size("filters")
    out = slid(a, spatial, window, a.sizes("strides", rank, 1))
    parameters = math.prod(window) * deep + (deep + biases(a)) * filters
    return Sized((join(a, out, filters),), parameters, math.prod(out) * deep)


def pooled(a: Arguments, rows: Sequence[Row], *, rank: int) -> Sized:
    spatial, channels = split(a, rows, rank)
    window = a.sizes("pool_size", rank, 2)
    strides = window if a.values.get("strides") is None else a.sizes("strides", rank)
    return Sized((join(a, slid(a, spatial, window, strides), channels),))


def pooled_wholly(a: Arguments, rows: Sequence[Row], *, rank: int) -> Sized:
    _, channels = split(a, rows, rank)
    return Sized((join(a, (1,) * rank if a.flag("keepdims") else (), channels),))


def pooled_to(a: Arguments, rows: Sequence[Row], *, rank: int) -> Sized:
    _, channels = split(a, rows, rank)
    return Sized((join(a, a.sizes("output_size", rank), channels),))


def stretched(a: Arguments, rows: Sequence[Row], *, rank: int) -> Sized:
    spatial, channels = split(a, rows, rank)
    factors = a.sizes("size", rank, 2)
    out = tuple(n * factor for n, factor in zip(spatial, factors, strict=True))
    return Sized((join(a, out, channels),))


def padded(a: Arguments, rows: Sequence[Row], *, rank: int) -> Sized:
    spatial, channels = split(a, rows, rank)
    margins = a.margins("padding", rank)
    out = tuple(n + sum(margin) for n, margin in zip(spatial, margins, strict=True))
    return Sized((join(a, out, channels),))


def cropped(a: Arguments, rows: Sequence[Row], *, rank: int) -> Sized:
    spatial, channels = split(a, rows, rank)
    margins = a.margins("cropping", rank)
    out = tuple(n - sum(margin) for n, margin in zip(spatial, margins, strict=True))
    if min(out) < 1:
        misfit(a.pointer, "Nothing is left.")
    return Sized((join(a, out, channels),))


def resized(a: Arguments, rows: Sequence[Row]) -> Sized:
    _, channels = split(a, rows, 2)
    return Sized((join(a, (a.size("height"), a.size("width")), channels),))


def repeated(a: Arguments, rows: Sequence[Row]) -> Sized:
    return Sized(((a.size("n"), *first(a, rows, rank=1)),))


def reshaped(a: Arguments, rows: Sequence[Row]) -> Sized:
    return Sized((fitted(a.pointer, first(a, rows), a.integers("target_shape")),))


def fitted(pointer: str, row: Row, target: Sequence[int]) -> Row:
    """The target with its one -1 replaced."""
    known = math.prod(n for n in target if n != -1)
    count = elements(row)
    if target.count(-1) > 1 or known < 1 or count % known or min(target, default=1) < -1:
        misfit(pointer, "The shape does not hold what is there.")
    result = tuple(count // known if n == -1 else n for n in target)
    if elements(result) != count:
        misfit(pointer, "The shape does not hold what is there.")
    return result


def permuted(a: Arguments, rows: Sequence[Row]) -> Sized:
    row, places = first(a, rows), a.integers("dims")
    if sorted(places) != [*range(1, len(row) + 1)]:
        a.refuse("dims", "Each dimension once is expected.")
    return Sized((tuple(row[place - 1] for place in places),))


FAMILIES = {
    "Conv": (convolved, (1, 2, 3)),
    "DepthwiseConv": (depthwise, (1, 2)),
    "SeparableConv": (separable, (1, 2)),
    "AveragePooling": (pooled, (1, 2, 3)),
    "MaxPooling": (pooled, (1, 2, 3)),
    "GlobalAveragePooling": (pooled_wholly, (1, 2, 3)),
    "GlobalMaxPooling": (pooled_wholly, (1, 2, 3)),
    "AdaptiveAveragePooling": (pooled_to, (1, 2, 3)),
    "AdaptiveMaxPooling": (pooled_to, (1, 2, 3)),
    "UpSampling": (stretched, (1, 2, 3)),
    "ZeroPadding": (padded, (1, 2, 3)),
    "Cropping": (cropped, (1, 2, 3)),
}
RULES: dict[str, Rule] = {
    **{
        f"{family}{rank}D": partial(rule, rank=rank)
        for family, (rule, ranks) in FAMILIES.items()
        for rank in ranks
    },
    **{f"Conv{rank}DTranspose": partial(transposed, rank=rank) for rank in (1, 2, 3)},
    "CenterCrop": resized,
    "Permute": permuted,
    "RepeatVector": repeated,
    "Reshape": reshaped,
    "Resizing": resized,
}
