"""The first calls of a loaded version: they warm it up and hold it against its golden set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from serving.golden import check_equal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from serving.golden import GoldenSet
    from serving.servable import Servable, Tensors

BATCH_SIZES = (1, 2, 32)
"""Rows: the usual call, the smallest real batch, a full one. A graph that only works for the
size it was traced with fails one of them."""
ROUNDS = 2  # the first call of a size allocates, the second shows what callers will get


def warm_up(
    servable: Servable, golden: GoldenSet, *, batch_sizes: Iterable[int] = BATCH_SIZES
) -> None:
    """Run each batch size twice and compare. Raises GoldenMismatchError."""
    for size in batch_sizes:
        chosen = np.arange(size) % golden.rows
        inputs = _rows(golden.inputs, chosen)
        wanted = _rows(golden.outputs, chosen)
        for _ in range(ROUNDS):
            check_equal(servable.predict(inputs), wanted)


def _rows(tensors: Tensors, chosen: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Tensors:
    return {name: array[chosen] for name, array in tensors.items()}
