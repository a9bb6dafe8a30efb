"""What every loaded model can do, whichever engine runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

Tensors = Mapping[str, npt.NDArray[np.generic]]
"""Arrays by the name of their input or output, each of shape (rows, *shape)."""


class Servable(Protocol):
    """A loaded model; predict may be called by many threads at once."""

    @property
    def engine(self) -> str:
        """What runs it: litert, tensorflow or function."""

    def predict(self, tensors: Tensors) -> Tensors:
        """The outputs for the inputs, row by row; the arrays belong to the caller."""
