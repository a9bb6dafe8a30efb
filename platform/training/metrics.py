"""How good predicted probabilities are: ranking, loss and calibration, in numpy alone.

Every function takes `labels` (n values, 0 or 1) and `probabilities` (n values in [0, 1]), in the
same order, and does not depend on that order. Those that rank need both classes to be present.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.errors import TooFewRowsError

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating[Any]]
    Labels = npt.NDArray[np.integer[Any]]

CALIBRATION_BINS = 10
LIFT_SHARE = 0.10  # of all rows, those with the highest probabilities
CLIP = 1e-7  # float32's resolution near 1: a probability of 0 or 1 must not cost infinity


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Rows whose probability lies in [lower, upper); the last bin includes 1."""

    lower: float
    upper: float
    rows: int
    mean_probability: float | None  # None when rows is 0
    observed_rate: float | None


@dataclass(frozen=True, slots=True)
class Metrics:
    """One predictor on one set of rows."""

    auc: float
    pr_auc: float
    log_loss: float
    brier: float
    calibration_error: float
    lift_at_10: float


def measure(labels: Labels, probabilities: Floats) -> Metrics:
    """Every figure at once. Raises TooFewRowsError when a class is absent."""
    return Metrics(
        auc=roc_auc(labels, probabilities),
        pr_auc=average_precision(labels, probabilities),
        log_loss=log_loss(labels, probabilities),
        brier=brier_score(labels, probabilities),
        calibration_error=expected_calibration_error(labels, probabilities),
        lift_at_10=lift(labels, probabilities),
    )


def roc_auc(labels: Labels, probabilities: Floats) -> float:
    """Chance that a random positive is ranked above a random negative; a tie counts one half.

    The Mann-Whitney form: with R the sum of the positives' ranks (equal values share the mean of
    their ranks), AUC = (R - P (P + 1) / 2) / (P N). 0.5 is a coin, 1 is perfect.
    """
    truth = _both_classes(labels)
    _, place, counts = np.unique(probabilities, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    positives = int(truth.sum())
    negatives = truth.size - positives
    rank_sum = float(mean_ranks[place][truth].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def average_precision(labels: Labels, probabilities: Floats) -> float:
    """Area under the precision-recall steps: the sum of precision times gain in recall.

    Rows of equal probability are taken in one step. A useless predictor reaches the share of
    positives, not 0.5. (Davis and Goadrich 2006 on why straight lines between points mislead.)
    """
    truth = _both_classes(labels)
    _, place, counts = np.unique(-probabilities, return_inverse=True, return_counts=True)
    hits = np.bincount(place, weights=truth)
    found = np.cumsum(hits)
    precision = found / np.cumsum(counts)
    return float((precision * hits).sum() / found[-1])


def log_loss(labels: Labels, probabilities: Floats) -> float:
    """Mean cross-entropy in nats: -mean(y ln p + (1 - y) ln(1 - p)); p is kept 1e-7 off 0 and 1."""
    truth = np.asarray(labels, dtype=bool)
    clipped = np.clip(np.asarray(probabilities, dtype=np.float64), CLIP, 1 - CLIP)
    return float(-np.log(np.where(truth, clipped, 1 - clipped)).mean())


def brier_score(labels: Labels, probabilities: Floats) -> float:
    """Mean squared error of the probabilities: mean((p - y)^2), after Brier 1950."""
    error = np.asarray(probabilities, dtype=np.float64) - np.asarray(labels, dtype=np.float64)
    return float((error**2).mean())


def expected_calibration_error(labels: Labels, probabilities: Floats) -> float:
    """Mean gap between promise and fact over ten equally wide bins, weighted by their rows.

    Sum over bins of (rows in bin / n) |mean probability - observed rate|. (Naeini 2015.)
    """
    bins = reliability(labels, probabilities)
    gaps = (
        row.rows * abs(row.mean_probability - row.observed_rate)
        for row in bins
        if row.mean_probability is not None and row.observed_rate is not None
    )
    return sum(gaps) / sum(row.rows for row in bins)


def reliability(labels: Labels, probabilities: Floats) -> tuple[ReliabilityBin, ...]:
    """The table behind the calibration error: ten equally wide bins, empty ones too."""
    precise = np.asarray(probabilities, dtype=np.float64)
    place = np.minimum((precise * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    rows = np.bincount(place, minlength=CALIBRATION_BINS)
    promised = np.bincount(place, weights=precise, minlength=CALIBRATION_BINS)
    observed = np.bincount(
        place, weights=np.asarray(labels, dtype=np.float64), minlength=CALIBRATION_BINS
    )
    return tuple(
        ReliabilityBin(
            lower=index / CALIBRATION_BINS,
            upper=(index + 1) / CALIBRATION_BINS,
            rows=int(count),
            mean_probability=float(promised[index] / count) if count else None,
            observed_rate=float(observed[index] / count) if count else None,
        )
        for index, count in enumerate(rows)
    )


def lift(labels: Labels, probabilities: Floats, share: float = LIFT_SHARE) -> float:
    """How many times more positives the top `share` of rows holds than as many random rows.

    The top has ceil(share n) rows. Rows tied at its border count in proportion, so that the
    answer does not depend on their order. 1 is random, 1 / share the most that can be.
    """
    truth = _both_classes(labels)
    wanted = int(np.ceil(share * truth.size))
    border = np.sort(probabilities)[-wanted]
    above, tied = probabilities > border, probabilities == border
    hits = truth[above].sum() + truth[tied].mean() * (wanted - above.sum())
    return float(hits / wanted / truth.mean())


def _both_classes(labels: Labels) -> npt.NDArray[np.bool_]:
    truth = np.asarray(labels, dtype=bool)
    if truth.all() or not truth.any():
        raise TooFewRowsError(f"Ranking needs both classes; these {truth.size} rows have one.")
    return truth
