"""One number a row out of a model's outputs: what is decided by, logged, and compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Scoring:
    """Where the score of a row stands, and from where on it is a positive decision.

    Attributes:
        output: name of the output; empty: the first one.
        index: position in that output; None: its only number, or of several the largest.
        threshold: a score at or above it decides 1, else 0.
    """

    output: str = ""
    index: int | None = None
    threshold: float = 0.5

    def scores(self, outputs: Mapping[str, npt.NDArray[np.generic]]) -> npt.NDArray[np.float64]:
        """(rows,). Raises KeyError or IndexError when there is no such output or position."""
        columns = self._columns(outputs)
        if self.index is not None:
            return columns[:, self.index]
        return columns[:, 0] if columns.shape[1] == 1 else columns.max(axis=1)

    def decisions(self, outputs: Mapping[str, npt.NDArray[np.generic]]) -> npt.NDArray[np.int64]:
        """(rows,): 0 or 1 by the threshold; of several numbers without an index the largest's."""
        columns = self._columns(outputs)
        if self.index is None and columns.shape[1] > 1:
            return np.asarray(columns.argmax(axis=1), dtype=np.int64)
        return (self.scores(outputs) >= self.threshold).astype(np.int64)

    def classes(
        self, outputs: Mapping[str, npt.NDArray[np.generic]]
    ) -> npt.NDArray[np.int64] | None:
        """(rows,): which class each score is of; None: the output is one number a row."""
        columns = self._columns(outputs)
        if columns.shape[1] == 1:
            return None
        if self.index is not None:
            return np.full(len(columns), self.index, dtype=np.int64)
        return np.asarray(columns.argmax(axis=1), dtype=np.int64)

    def _columns(self, outputs: Mapping[str, npt.NDArray[np.generic]]) -> npt.NDArray[np.float64]:
        """(rows, numbers of the output)."""
        array = outputs[self.output] if self.output else next(iter(outputs.values()))
        return np.asarray(array, dtype=np.float64).reshape(len(array), -1)
