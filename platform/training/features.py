"""Prepares an encoded matrix for a model: which columns are logged, scaled or made one-hot.

The network repeats these steps in its own graph (see `network`), so that callers send raw values;
the numpy form feeds the logistic baseline and gives the network its means and deviations.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from serving.signature import FeatureKind

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy.typing as npt

    from serving.signature import Feature, Signature
    from training.dataset import Matrix

    Floats = npt.NDArray[np.float64]


class Treatment(StrEnum):
    """What happens to a column before the first weight meets it."""

    LOGGED = "logged"  # ln(1 + x), then standardised: counts, durations, money
    PLAIN = "plain"  # standardised
    ONE_HOT = "one_hot"  # a column for each vocabulary entry and `other`: zeros and one 1


@dataclass(frozen=True, slots=True)
class ColumnGroup:
    """Neighbouring columns [start, stop) of the encoded matrix that are treated alike."""

    treatment: Treatment
    start: int
    stop: int
    width: int  # columns after the treatment


@dataclass(frozen=True, slots=True)
class Preparation:
    """How columns become what the first weights see: all numbers first, then the one-hots.

    Attributes:
        groups: every column once, in order.
        mean: of each number after its logarithm, [numbers].
        deviation: standard deviation of the same, [numbers], > 0.
    """

    groups: tuple[ColumnGroup, ...]
    mean: Floats
    deviation: Floats

    @classmethod
    def fit(
        cls, matrix: Matrix, *, signature: Signature, heavy_tailed: Collection[str]
    ) -> Preparation:
        """Take means and deviations from training rows.

        A constant column gets deviation 1: divided by nearly zero, the first other value that
        a caller sends would drown all the rest.

        Args:
            matrix: [n, columns], encoded; training rows and no others, or the figures for
                the holdout rows would flatter.
            signature: says what each column is.
            heavy_tailed: names of features, all >= 0, with rare values far above the usual.
        """
        groups = group_columns(signature, heavy_tailed)
        numbers = _numbers(matrix, groups)
        deviation = numbers.std(axis=0)
        return cls(groups, numbers.mean(axis=0), np.where(deviation > 0, deviation, 1.0))

    @property
    def categories(self) -> tuple[ColumnGroup, ...]:
        return tuple(group for group in self.groups if group.treatment is Treatment.ONE_HOT)

    def design_matrix(self, matrix: Matrix) -> Floats:
        """What the first weights see, [n, numbers + one-hot columns], in the network's order."""
        standardised = (_numbers(matrix, self.groups) - self.mean) / self.deviation
        one_hots = [
            np.eye(group.width)[matrix[:, group.start].astype(np.int64)]
            for group in self.categories
        ]
        return np.concatenate([standardised, *one_hots], axis=1)


def group_columns(signature: Signature, heavy_tailed: Collection[str]) -> tuple[ColumnGroup, ...]:
    """Split the signature's columns, in order; each category is a group of its own."""
    columns = enumerate(signature.features)
    runs = groupby(columns, key=lambda column: _key(column, heavy_tailed))
    return tuple(_group(treatment, dict(run)) for (treatment, _), run in runs)


def _key(column: tuple[int, Feature], heavy_tailed: Collection[str]) -> tuple[Treatment, int]:
    """Equal for neighbours that share a group."""
    index, feature = column
    if feature.kind is FeatureKind.CATEGORY:
        return Treatment.ONE_HOT, index
    return (Treatment.LOGGED if feature.name in heavy_tailed else Treatment.PLAIN), 0


def _group(treatment: Treatment, columns: dict[int, Feature]) -> ColumnGroup:
    start, stop = min(columns), max(columns) + 1
    width = columns[start].codes if treatment is Treatment.ONE_HOT else stop - start
    return ColumnGroup(treatment, start, stop, width)


def _numbers(matrix: Matrix, groups: tuple[ColumnGroup, ...]) -> Floats:
    """Everything that is not a category, [n, numbers]: logged where asked, not standardised."""
    blocks = []
    for group in groups:
        block = matrix[:, group.start : group.stop].astype(np.float64)
        if group.treatment is not Treatment.ONE_HOT:
            blocks.append(np.log1p(block) if group.treatment is Treatment.LOGGED else block)
    return np.concatenate(blocks, axis=1)
