"""The first calls of a loaded version: they warm it up and hold it against its golden set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from serving.golden import check_equal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from serving.golden import GoldenSet
    from serving.servable import Servable, Tensors

BATCH_SIZES = (1, 2, 32)
"""Rows: the usual call, the smallest real batch, a full one. A graph that only works for the
size it was traced with fails one of them."""
ROUNDS = 2  # the first call of a size allocates, the second shows what callers will get
USUAL = 1  # rows that every interpreter is left ready for


@runtime_checkable
class Replicated(Protocol):
    """A servable that is several engines, each of which answers one call at a time."""

    def replicas(self) -> Iterator[Servable]:
        """Open the engines that are not open yet, one at each step."""


def no_pause() -> None:
    """Go on at once."""


def warm_up(
    servable: Servable,
    golden: GoldenSet,
    *,
    batch_sizes: Iterable[int] = BATCH_SIZES,
    pause: Callable[[], None] = no_pause,
) -> None:
    """Run each batch size twice and compare, then one row in each replica. Nobody calls it yet.

    Args:
        servable: just loaded.
        golden: what it must answer.
        batch_sizes: rows.
        pause: called between two steps, so that the callers of other versions get their turn.

    Raises:
        GoldenMismatchError: an answer differs.
    """
    for size in batch_sizes:
        inputs, wanted = _cut(golden, size)
        for _ in range(ROUNDS):
            check_equal(servable.predict(inputs), wanted)
            pause()
    if isinstance(servable, Replicated):
        _warm_replicas(servable, golden, pause)


def _warm_replicas(servable: Replicated, golden: GoldenSet, pause: Callable[[], None]) -> None:
    inputs, wanted = _cut(golden, USUAL)
    for replica in servable.replicas():
        check_equal(replica.predict(inputs), wanted)
        pause()


def _cut(golden: GoldenSet, size: int) -> tuple[Tensors, Tensors]:
    chosen = np.arange(size) % golden.rows
    return _rows(golden.inputs, chosen), _rows(golden.outputs, chosen)


def _rows(tensors: Tensors, chosen: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Tensors:
    return {name: array[chosen] for name, array in tensors.items()}
