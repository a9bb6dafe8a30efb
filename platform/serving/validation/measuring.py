"""What a call of a model costs by its number of rows: microseconds and bytes."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

from serving.memory import Heap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from serving.golden import GoldenSet
    from serving.servable import Servable, Tensors

ROWS = (1, 8, 32, 128)
CALLS = 15  # of each size; the median is reported
WIDE_CELLS = 4_194_304  # numbers in a batch: larger ones are not measured


def measure(
    load: Callable[[], Servable], golden: GoldenSet, *, taken: int = 0
) -> dict[str, object]:
    """Figures of one engine, taken while nothing else runs in this process.

    Times are medians of 15 calls on one thread; on a machine that does other things at the
    same time they come out up to twice as high. Bytes are what the C allocator has handed out
    more than before the model was loaded, with the answer still held. That is exact to some
    kilobytes for LiteRT: its weights and its arena, which grows with the rows. TensorFlow takes
    big tensors from a pool of its own, which grows by leaps, and gives intermediate results back
    within a call: its figures tell the order of magnitude, never less than the weights.

    Args:
        load: opens the model anew.
        golden: whose rows are called.
        taken: bytes that loading took which load does not do again.

    Returns:
        latency_us and memory_bytes by rows, and loaded_bytes: after one call with one row.
    """
    sizes = _sizes(golden)
    memory = {str(rows): taken + _bytes(load, golden, rows) for rows in sizes}
    servable = load()
    return {
        "latency_us": {str(rows): _latency(servable, golden, rows) for rows in sizes},
        "memory_bytes": memory,
        "loaded_bytes": memory[str(ROWS[0])],
    }


def _sizes(golden: GoldenSet) -> Iterable[int]:
    cells = max(1, sum(array[0].size for array in golden.inputs.values()))
    return [rows for rows in ROWS if rows == ROWS[0] or rows * cells <= WIDE_CELLS]


def _rows_of(golden: GoldenSet, rows: int) -> Tensors:
    chosen = np.arange(rows) % golden.rows
    return {name: array[chosen] for name, array in golden.inputs.items()}


def _bytes(load: Callable[[], Servable], golden: GoldenSet, rows: int) -> int:
    """Of a model opened for this size alone: an arena does not shrink."""
    inputs = _rows_of(golden, rows)
    heap = Heap()
    before = heap.used_bytes()
    servable = load()
    answer = servable.predict(inputs)
    after = heap.used_bytes()
    del answer, servable
    return max(0, after - before)


def _latency(servable: Servable, golden: GoldenSet, rows: int) -> float:
    inputs = _rows_of(golden, rows)
    servable.predict(inputs)
    seconds = []
    for _ in range(CALLS):
        started = time.perf_counter()
        servable.predict(inputs)
        seconds.append(time.perf_counter() - started)
    return round(statistics.median(seconds) * 1_000_000, 1)
