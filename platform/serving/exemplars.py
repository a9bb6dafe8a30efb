"""Made-up rows that a signature allows: the inputs of a golden set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from serving.encoding import bounds_of, encoder_of
from serving.signature import FeatureKind

if TYPE_CHECKING:
    import numpy.typing as npt

    from serving.encoding import Tensors
    from serving.signature import DType, Feature, Signature

SEED = 20_240_229
ROWS = 32
EDGE_ROWS = 2  # all declared minima, all declared maxima


def golden_inputs(signature: Signature, *, rows: int = ROWS, seed: int = SEED) -> Tensors:
    """Rows inside the declared ranges, the same for the same signature and seed.

    The first row has each declared minimum, the second each declared maximum; a number
    without bounds is drawn from the standard normal distribution, a count from 0 and 1.
    """
    generator = np.random.default_rng(seed)
    dtypes = {name: tensor.dtype for tensor in signature.inputs for name in tensor.features}
    columns = [
        _column(feature, dtypes[feature.name], generator, rows)
        for feature in signature.features
        for _ in range(feature.size)
    ]
    return encoder_of(signature).tensors_of(np.stack(columns, axis=1))


def _column(
    feature: Feature, dtype: DType, generator: np.random.Generator, rows: int
) -> npt.NDArray[np.float64]:
    low, high = bounds_of(feature, dtype)
    if feature.kind is FeatureKind.NUMBER:
        column = _numbers(feature, generator, rows)
    elif feature.kind is FeatureKind.INTEGER:
        column = _integers(feature, low, high, generator, rows)
    else:
        column = generator.integers(int(low), int(high) + 1, rows).astype(np.float64)
        column[:EDGE_ROWS] = low, high
    return np.clip(column, low, high)


def _numbers(
    feature: Feature, generator: np.random.Generator, rows: int
) -> npt.NDArray[np.float64]:
    low, high = feature.minimum, feature.maximum
    normal = generator.standard_normal(rows)
    if low is not None and high is not None:
        column = low + generator.random(rows) * (high - low)
        column[:EDGE_ROWS] = low, high
    elif low is not None:
        column = low + np.abs(normal)
        column[0] = low
    elif high is not None:
        column = high - np.abs(normal)
        column[1] = high
    else:
        column = normal
    return column


def _integers(
    feature: Feature, low: float, high: float, generator: np.random.Generator, rows: int
) -> npt.NDArray[np.float64]:
    first = int(low) if feature.minimum is not None else min(0, int(high))
    last = int(high) if feature.maximum is not None else max(first, 0) + 1
    column = generator.integers(first, last, rows, endpoint=True).astype(np.float64)
    if feature.minimum is not None:
        column[0] = first
    if feature.maximum is not None:
        column[1] = last
    return column
