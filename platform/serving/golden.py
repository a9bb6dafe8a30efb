"""The golden set: inputs and what TensorFlow answered, to hold every later load against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np

from serving.errors import ArtefactError, GoldenMismatchError
from serving.plain_arrays import read_arrays, save_arrays, write_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from serving.servable import Tensors

MAX_BYTES = 256 * 1_024 * 1_024  # of the file
RELATIVE_TOLERANCE = 1e-4
ABSOLUTE_TOLERANCE = 1e-5
"""|got - wanted| <= ABSOLUTE + RELATIVE * |wanted|, as numpy.isclose has it.

Engines add up float32 products in different orders: about 1e-7 apart for small networks,
and a hundred times that for deep ones. A wrong conversion was seen 0.7 apart.
"""
INPUT, OUTPUT = "input:", "output:"
"""Prefixes of the names in the file, so that an input and an output may share a name."""


@dataclass(frozen=True)
class GoldenSet:
    """Rows of inputs and outputs: each array is (rows, *shape)."""

    inputs: Mapping[str, npt.NDArray[np.generic]]
    outputs: Mapping[str, npt.NDArray[np.generic]]

    @property
    def rows(self) -> int:
        return min((len(array) for array in self.inputs.values()), default=0)

    def to_bytes(self) -> bytes:
        """An uncompressed .npz; the same set always gives the same bytes."""
        return write_arrays(self._named())

    def save(self, file: IO[bytes]) -> None:
        """What to_bytes writes, into a new file."""
        save_arrays(file, self._named())

    def _named(self) -> dict[str, npt.NDArray[np.generic]]:
        named = {INPUT + name: array for name, array in self.inputs.items()}
        return named | {OUTPUT + name: array for name, array in self.outputs.items()}

    @classmethod
    def from_bytes(cls, data: bytes) -> GoldenSet:
        """Read what to_bytes wrote. Raises ArtefactError golden_invalid for anything else."""
        try:
            arrays = read_arrays(data, max_bytes=MAX_BYTES)
        except ArtefactError as error:
            raise ArtefactError("golden_invalid", "", error.detail) from error
        golden = cls(_with_prefix(arrays, INPUT), _with_prefix(arrays, OUTPUT))
        lengths = {array.shape[:1] for array in arrays.values()}
        same_length = len(lengths) == 1 and lengths.isdisjoint({(), (0,)})
        if len(golden.inputs) + len(golden.outputs) != len(arrays):
            raise ArtefactError("golden_invalid", "", "The golden set has something else in it.")
        if not (golden.inputs and golden.outputs and same_length):
            raise ArtefactError("golden_invalid", "", "The golden set has no rows.")
        return golden


def _with_prefix(
    arrays: Mapping[str, npt.NDArray[np.generic]], prefix: str
) -> dict[str, npt.NDArray[np.generic]]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def largest_difference(got: Tensors, wanted: Tensors) -> float:
    """By how much the outputs differ at most; infinity when it cannot be said."""
    if got.keys() != wanted.keys():
        return float("inf")
    worst = 0.0
    for name, array in wanted.items():
        if got[name].shape != array.shape:
            return float("inf")
        difference = np.abs(got[name].astype(np.float64) - array.astype(np.float64))
        worst = max(worst, float(difference.max(initial=0.0)))
        if np.isnan(difference).any():
            return float("inf")
    return worst


def is_identical(got: Tensors, wanted: Tensors) -> bool:
    """Whether all arrays have the same names, types, shapes and bits."""
    return got.keys() == wanted.keys() and all(
        got[name].dtype == array.dtype
        and got[name].shape == array.shape
        and got[name].tobytes() == array.tobytes()
        for name, array in wanted.items()
    )


def check_equal(got: Tensors, wanted: Tensors) -> None:
    """Raise GoldenMismatchError unless the outputs agree within the tolerance."""
    if got.keys() != wanted.keys():
        raise GoldenMismatchError(f"The outputs are {sorted(got)}, not {sorted(wanted)}.")
    for name, array in wanted.items():
        if got[name].shape != array.shape:
            raise GoldenMismatchError(
                f"Output {name!r} has shape {got[name].shape}, not {array.shape}."
            )
        if not np.allclose(got[name], array, rtol=RELATIVE_TOLERANCE, atol=ABSOLUTE_TOLERANCE):
            worst = largest_difference({name: got[name]}, {name: array})
            raise GoldenMismatchError(f"Output {name!r} is off by {worst:.3g}.")
