"""Draws parts and folds of a data set, each with the whole's share of positives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.errors import TooFewRowsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.dataset import Dataset, Indices, Labels

CLASSES = (0, 1)


@dataclass(frozen=True, slots=True)
class Parts:
    """Three disjoint parts of one data set.

    Attributes:
        training: what the weights, means and deviations are taken from.
        validation: says when to stop.
        holdout: seen by nothing but the final figures.
    """

    training: Dataset
    validation: Dataset
    holdout: Dataset


def split(dataset: Dataset, *, validation: float, holdout: float, seed: int) -> Parts:
    """Draw the three parts; shares are of the whole. Raises TooFewRowsError as `hold_out` does."""
    rest, held = hold_out(dataset.labels, share=holdout, seed=seed)
    remaining = dataset.take(rest)
    inner, stopping = hold_out(remaining.labels, share=validation / (1 - holdout), seed=seed + 1)
    return Parts(remaining.take(inner), remaining.take(stopping), dataset.take(held))


def hold_out(labels: Labels, *, share: float, seed: int) -> tuple[Indices, Indices]:
    """Split row numbers in (kept, held out), both sorted, each class by the same share.

    Raises:
        TooFewRowsError: one of the two would lack a class.
    """
    rng = np.random.default_rng(seed)
    by_class = [rng.permutation(np.flatnonzero(labels == value)) for value in CLASSES]
    cuts = [round(share * rows.size) for rows in by_class]
    if any(not 0 < cut < rows.size for cut, rows in zip(cuts, by_class, strict=True)):
        raise TooFewRowsError(
            f"{labels.size} rows with {int(labels.sum())} positives are too few to hold out "
            f"{share:.0%}: both parts need positives and negatives."
        )
    kept = np.concatenate([rows[cut:] for cut, rows in zip(cuts, by_class, strict=True)])
    held = np.concatenate([rows[:cut] for cut, rows in zip(cuts, by_class, strict=True)])
    return np.sort(kept), np.sort(held)


def stratified_folds(labels: Labels, *, folds: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
    """Yield (rest, fold) `folds` times: every row is in one fold, each class spread evenly.

    Raises:
        TooFewRowsError: a class has fewer rows than there are folds.
    """
    rng = np.random.default_rng(seed)
    by_class = [rng.permutation(np.flatnonzero(labels == value)) for value in CLASSES]
    if min(rows.size for rows in by_class) < folds:
        raise TooFewRowsError(
            f"{labels.size} rows with {int(labels.sum())} positives cannot fill {folds} folds."
        )
    fold_of = np.empty(labels.size, dtype=np.intp)
    # One class after the other is dealt like cards, so that folds differ by one row at most.
    fold_of[np.concatenate(by_class)] = np.arange(labels.size) % folds
    for fold in range(folds):
        yield np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
