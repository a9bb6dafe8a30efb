"""The golden set: inputs and what TensorFlow answered, to hold every later load against."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from serving.errors import ArtefactError, GoldenMismatchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from serving.servable import Tensors

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
        buffer = io.BytesIO()
        named = {INPUT + name: array for name, array in self.inputs.items()}
        named |= {OUTPUT + name: array for name, array in self.outputs.items()}
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name, array in sorted(named.items()):
                member = zipfile.ZipInfo(f"{name}.npy")  # dated 1980, whenever it is written
                content = io.BytesIO()
                np.lib.format.write_array(content, array, allow_pickle=False)
                archive.writestr(member, content.getvalue())
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> GoldenSet:
        """Read what to_bytes wrote. Raises ArtefactError golden_invalid for anything else."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                arrays = {str(name): archive[name] for name in archive.files}
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise ArtefactError("golden_invalid", "", "The golden set is unreadable.") from error
        golden = cls(_with_prefix(arrays, INPUT), _with_prefix(arrays, OUTPUT))
        lengths = {array.shape[:1] for array in arrays.values()}
        same_length = len(lengths) == 1 and lengths.isdisjoint({(), (0,)})
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
