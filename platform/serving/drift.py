"""How far values have moved from a reference: the population stability index, and when it says so.

PSI is the sum over bins of (p - q) ln(p / q), p and q being the shares of the two samples: the
symmetric Kullback-Leibler divergence. Where nothing has moved it is about (1/n + 1/m) times a
chi-squared variable of B - 1 degrees of freedom (n and m rows, B bins), so a fixed limit of 0.1
fires 85 times of 100 at n = m = 100 with ten bins, and never at some thousands. (Yurdakul and
Naranjo 2020, "Statistical properties of the population stability index".)
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Counts = npt.NDArray[np.int64]

BINS: Final = 10  # of numbers, equally full in the reference
PSI_FLOOR: Final = 0.1  # below it nobody cares, however sure one can be
FALSE_ALARMS: Final = 0.005  # share of readings above the threshold though nothing has moved
CATEGORIES_MAX: Final = 50  # values with a bin of their own; the others share one
TEXT_MAX: Final = 96  # characters of a category as it is held and counted
DIGEST_SIZE: Final = 16  # bytes; of what is longer
UNSEEN: Final = 0.5  # rows that an empty bin is taken to have, so that a logarithm exists


def psi(expected: Sequence[int] | Counts, actual: Sequence[int] | Counts) -> float:
    """Population stability index of two counts over the same bins; 0 if and only if shares agree.

    An empty bin counts as half a row of the larger sample. The order of the bins does not matter.

    Raises:
        ValueError: the bins are not as many, or one of the samples is empty.
    """
    before, after = np.asarray(expected, np.float64), np.asarray(actual, np.float64)
    if before.shape != after.shape or not before.sum() or not after.sum():
        raise ValueError("Two counts over the same bins are needed, each of a row at least.")
    least = UNSEEN / max(before.sum(), after.sum())
    q = np.maximum(before / before.sum(), least)
    p = np.maximum(after / after.sum(), least)
    return float(((p - q) * np.log(p / q)).sum())


def threshold(
    expected: Sequence[int] | Counts,
    actual: Sequence[int] | Counts,
    *,
    readings: int = 1,
    independent: tuple[int | None, int | None] = (None, None),
) -> float:
    """The PSI above which the two differ by more than chance and by enough to matter.

    max(PSI_FLOOR, (1/n + 1/m) * c), c being the quantile of the chi-squared distribution that is
    exceeded FALSE_ALARMS / readings of the time, with as many degrees of freedom as there are bins
    with a row in either sample, less one.

    Args:
        expected: rows of one sample by bin.
        actual: rows of the other, over the same bins.
        readings: how many are looked at together (Bonferroni): the chance is shared out.
        independent: n and m, where rows of a sample come in groups that are alike: how many
            groups. None: as many as there are rows.
    """
    from scipy.special import chdtri  # noqa: PLC0415 - 20 MB that no call of a model needs

    before, after = np.asarray(expected), np.asarray(actual)
    freedom = int(((before > 0) | (after > 0)).sum()) - 1
    if freedom < 1:
        return PSI_FLOOR
    n, m = independent
    noise = 1 / (n or int(before.sum())) + 1 / (m or int(after.sum()))
    return max(PSI_FLOOR, noise * float(chdtri(freedom, FALSE_ALARMS / readings)))


@dataclass(frozen=True, slots=True)
class Reference:
    """How one feature was spread when it was fixed.

    The bins of numbers are (-inf, e0), [e0, e1), ... [ek, inf); those of categories are a value
    each, then all others. In both cases the last bin is of what is missing (None or NaN).

    Attributes:
        edges: inner edges, ascending, or the categories.
        counts: rows in each bin; bins at the end that are left out have none.
        is_categorical: edges are categories.
    """

    edges: tuple[float, ...] | tuple[str, ...]
    counts: tuple[int, ...]
    is_categorical: bool = False

    @property
    def bins(self) -> int:
        return len(self.edges) + 2

    @property
    def expected(self) -> Counts:
        """The counts of all bins."""
        whole = np.zeros(self.bins, dtype=np.int64)
        whole[: len(self.counts)] = self.counts[: self.bins]
        return whole

    def count(self, values: Sequence[Any]) -> Counts:
        """Rows in each bin, of values as callers send them."""
        if self.is_categorical:
            place = {as_category(value): index for index, value in enumerate(self.edges)}
            other, missing = self.bins - 2, self.bins - 1
            places = [missing if v is None else place.get(as_category(v), other) for v in values]
            return np.bincount(np.asarray(places, np.int64), minlength=self.bins)
        numbers = as_numbers(values)
        inside = np.searchsorted(np.asarray(self.edges, np.float64), numbers, side="right")
        inside[np.isnan(numbers)] = self.bins - 1
        return np.bincount(inside, minlength=self.bins)


def reference_of(values: Sequence[Any], *, categorical: bool) -> Reference:
    """Fix the reference of one feature by its values: bins, and how many rows are in each.

    Numbers get bins of BINS quantiles, fewer where values repeat, so that the often repeated value
    has a bin of its own; categories the CATEGORIES_MAX most frequent ones, most frequent first.
    """
    edges = _categories(values) if categorical else _quantiles(as_numbers(values))
    bare = Reference(edges, (), categorical)
    return Reference(edges, tuple(bare.count(values).tolist()), categorical)


def _categories(values: Sequence[Any]) -> tuple[str, ...]:
    texts = [as_category(value) for value in values if value is not None]
    names, counts = np.unique(np.asarray(texts, dtype=object), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:CATEGORIES_MAX]
    return tuple(names[order].tolist())


def _quantiles(numbers: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Inner edges. The least value is none, since nothing would lie below it."""
    known = numbers[~np.isnan(numbers)]
    if not known.size:
        return ()
    if known.min() == known.max():  # always the same: a bin for it, and one on either side
        return (float(known[0]), float(np.nextafter(known[0], np.inf)))
    shares = np.arange(1, BINS) / BINS
    inner = np.unique(np.quantile(known, shares, method="inverted_cdf"))
    # Where few values repeat (0 and 1, say) an edge behind the most frequent splits it off.
    above = [known[known > edge].min() for edge in inner if (known > edge).any()]
    candidates = inner if len(inner) == len(shares) else np.unique([*inner, *above])
    return tuple(candidates[candidates > known.min()].tolist())


def as_category(value: object) -> str:
    """The text of a category; a caller may send 2 for "2" (serving.cells.numeric_categories).

    Booleans are those of JSON: a reference may count them as categories. Of a text longer than
    TEXT_MAX the beginning stays and a digest of the whole, so that it is told from any other.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else str(value)
    if len(text) <= TEXT_MAX:
        return text
    digest = blake2b(text.encode(errors="surrogatepass"), digest_size=DIGEST_SIZE).hexdigest()
    return f"{text[: TEXT_MAX - len(digest)]}{digest}"


def as_numbers(values: Sequence[Any]) -> npt.NDArray[np.float64]:
    """Numbers and booleans as float64, None as NaN."""
    return np.asarray([np.nan if value is None else value for value in values], dtype=np.float64)
