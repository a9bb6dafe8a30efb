"""Confidence intervals for what two versions are compared by; all of level 95 %.

Each takes counts and moments, so that a database can do the summing. Observations count as
independent: calls of one caller are not quite that, so real intervals are rather wider.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

LEVEL: Final = 0.95
Z: Final = 1.959963984540054  # of the normal distribution, at 1 - (1 - LEVEL) / 2
LEAST_OF_A_CLASS: Final = 10  # truths of each class; with fewer a perfect order proves nothing


class Interval(NamedTuple):
    """An estimate, and between which bounds it lies."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether a difference is one, at this level."""
        return self.low > 0.0 or self.high < 0.0


class Moments(NamedTuple):
    """Of a sample: how many, their mean, and their variance with n - 1 in the denominator."""

    size: int
    mean: float
    variance: float


def wilson(successes: float, count: float, z: float = Z) -> Interval:
    """A share. Wilson (1927), as method 3 of Newcombe, Statistics in Medicine 17 (1998) 857.

    Args:
        successes: of count.
        count: above 0; no whole number where it is an effective one (serving.clustering).
        z: of the normal distribution, for other levels; one-sided bounds take its own quantile.
    """
    share = successes / count
    centre = share + z**2 / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    scale = 1 + z**2 / count
    return Interval(share, max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale))


def newcombe(first: tuple[float, float], second: tuple[float, float], z: float = Z) -> Interval:
    """The first share less the second, of independent samples: each successes and count.

    Method 10 of Newcombe, Statistics in Medicine 17 (1998) 873: from the two Wilson intervals.
    """
    one, other = wilson(*first, z), wilson(*second, z)
    difference = one.value - other.value
    down = math.hypot(one.value - one.low, other.high - other.value)
    up = math.hypot(one.high - one.value, other.value - other.low)
    return Interval(difference, difference - down, difference + up)


def mean_interval(sample: Moments) -> Interval:
    """A mean, by Student's t. At least 2 observations."""
    half = _t(sample.size - 1) * math.sqrt(sample.variance / sample.size)
    return Interval(sample.mean, sample.mean - half, sample.mean + half)


def welch(first: Moments, second: Moments) -> Interval:
    """The first mean less the second, of samples of different variance, of 2 or more each.

    Welch, Biometrika 34 (1947) 28, with the degrees of freedom of Satterthwaite.
    """
    one, other = first.variance / first.size, second.variance / second.size
    difference, variance = first.mean - second.mean, one + other
    if variance == 0.0:
        return Interval(difference, difference, difference)
    freedom = variance**2 / (one**2 / (first.size - 1) + other**2 / (second.size - 1))
    half = _t(freedom) * math.sqrt(variance)
    return Interval(difference, difference - half, difference + half)


def _t(freedom: float) -> float:
    from scipy.special import stdtrit  # noqa: PLC0415 - 15 MB that a prediction does not need

    return float(stdtrit(freedom, 1 - (1 - LEVEL) / 2))


class Auc(NamedTuple):
    """Area under the ROC curve, and the variance of the estimate."""

    value: float
    variance: float

    @property
    def interval(self) -> Interval:
        half = Z * math.sqrt(self.variance)
        return Interval(self.value, max(0.0, self.value - half), min(1.0, self.value + half))


def auc(scores: Numbers, truths: npt.NDArray[np.bool_]) -> Auc | None:
    """How often a positive scores above a negative, ties counting half.

    The variance is DeLong's, Biometrics 44 (1988) 837, by midranks as Sun and Xu, IEEE Signal
    Processing Letters 21 (2014) 1389, have it.

    Args:
        scores: (n,), higher means rather positive.
        truths: (n,).

    Returns:
        None with fewer than LEAST_OF_A_CLASS positives or negatives.
    """
    positive, negative = scores[truths], scores[~truths]
    m, n = len(positive), len(negative)
    if min(m, n) < LEAST_OF_A_CLASS:
        return None
    among_all = _midranks(np.concatenate([positive, negative]))
    above = (among_all[:m] - _midranks(positive)) / n  # of each positive: negatives below it
    below = 1.0 - (among_all[m:] - _midranks(negative)) / m
    variance = above.var(ddof=1) / m + below.var(ddof=1) / n
    return Auc(float(above.mean()), float(variance))


def _midranks(values: Numbers) -> Numbers:
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Numbers = (last - (counts - 1) / 2)[place]
    return ranks


def auc_difference(first: Auc, second: Auc) -> Interval:
    """The first less the second, of versions that answered different calls."""
    difference = first.value - second.value
    half = Z * math.sqrt(first.variance + second.variance)
    return Interval(difference, difference - half, difference + half)


def calibration_error(scores: Numbers, truths: npt.NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error over bins of equal width; scores from 0 to 1, at least one.

    Naeini, Cooper and Hauskrecht, AAAI 29 (2015).
    """
    place = np.clip((scores * bins).astype(np.int64), 0, bins - 1)
    gap = np.bincount(place, scores, bins) - np.bincount(place, truths, bins)
    return float(np.abs(gap).sum() / len(scores))
