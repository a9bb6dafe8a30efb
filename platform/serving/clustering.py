"""What two groups of callers differ by, when the calls of one caller resemble each other.

Callers, not calls, are drawn into one group or the other, so callers are what counts as
independent. n calls of m callers say no more than n / deff independent ones, deff being the design
effect (Kish, Survey Sampling, 1965, section 5.4), which is 1 where callers are all alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from serving.drift import UNSEEN, reference_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]
    Groups = npt.NDArray[np.int64]

ROUNDS: Final = 20_000  # redraws of who is in which sample; none may lie as far apart
ROUNDS_AT_ONCE: Final = (50, 450)  # first ones, which mostly suffice to see chance; then as many
SEED: Final = 5  # of the redraws: the same calls always get the same answer


class Sample(NamedTuple):
    """Numbers, and which caller each is of.

    Attributes:
        values: (n,), newest first.
        groups: (n,), from 0.
    """

    values: Numbers
    groups: Groups


def effective(hits: npt.NDArray[np.bool_], groups: Groups) -> tuple[float, float]:
    """Hits and trials that would say as much as these if they were independent.

    The variance is that of a ratio estimator over clusters (Cochran, Sampling Techniques, 1977,
    section 11.8). Where all groups agree, or there is one, it is as many as there are.

    Args:
        hits: (n,), at least one.
        groups: (n,), whose each is.
    """
    _, place, trials = np.unique(groups, return_inverse=True, return_counts=True)
    total, share = len(hits), float(hits.mean())
    if len(trials) < 2:  # noqa: PLR2004 - one says nothing of how they differ
        return share * total, total
    off = np.bincount(place, hits) - share * trials
    variance = len(trials) / (len(trials) - 1) * float((off**2).sum()) / total**2
    spread = share * (1.0 - share)
    size = min(total, spread / variance) if spread and variance else total
    return share * size, size


def worst_group(hits: npt.NDArray[np.bool_], groups: Groups) -> int:
    """The group that has most hits."""
    return int(np.bincount(groups, hits).argmax())


class Spread(NamedTuple):
    """How far apart two samples are.

    Attributes:
        psi: population stability index (serving.drift) over bins that are equally full with both
            together, each caller weighing the same.
        is_chance: whether the same callers, drawn otherwise, would lie as far apart.
    """

    psi: float
    is_chance: bool


def compare(first: Sample, second: Sample, *, limit: float) -> Spread:
    """How far apart two samples are, and whether that is beyond a limit and beyond chance.

    A randomisation test (Fisher 1935, The Design of Experiments, section 21): who is in which
    sample is drawn again ROUNDS times. If nothing distinguishes the samples the one that was found
    is one draw among these, so it is the farthest apart of all 1 time in ROUNDS + 1, however much
    callers differ from each other.

    Of each caller as many values are taken on either side, so that callers of one side are not
    known any better than those of the other.

    Args:
        first: of 2 groups at least, as `second`.
        second: its groups are others than those of `first`.
        limit: below which nothing is redrawn: whatever it is, it counts as chance.
    """
    kept = max(1, int(min(_typical(first), _typical(second))))
    one, other = _newest(first, kept), _newest(second, kept)
    inner = reference_of([*one.values, *other.values], categorical=False).edges
    edges = np.asarray(inner, dtype=np.float64)
    shares = np.vstack([_shares(one, edges), _shares(other, edges)])
    groups, own = len(shares), len(np.unique(one.groups))
    drawn = np.zeros((1, groups))
    drawn[0, :own] = 1.0
    found = float(_psi(drawn, shares)[0])
    if found <= limit:
        return Spread(found, is_chance=True)
    redrawn = (_psi(draws, shares) for draws in _draws(groups, own))
    return Spread(found, any(bool((psi >= found).any()) for psi in redrawn))


def _typical(sample: Sample) -> float:
    """Values of the median group."""
    return float(np.median(np.unique(sample.groups, return_counts=True)[1]))


def _newest(sample: Sample, count: int) -> Sample:
    """The first values of each group, so many at most."""
    order = np.argsort(sample.groups, kind="stable")
    _, starts, sizes = np.unique(sample.groups[order], return_index=True, return_counts=True)
    order = order[np.arange(len(order)) - np.repeat(starts, sizes) < count]
    return Sample(sample.values[order], sample.groups[order])


def _shares(sample: Sample, edges: Numbers) -> Numbers:
    """(groups, bins), the share of each group's values that is in each bin."""
    bins = len(edges) + 1
    _, group = np.unique(sample.groups, return_inverse=True)
    places = group * bins + np.searchsorted(edges, sample.values, side="right")
    counts = np.bincount(places, minlength=(group.max() + 1) * bins).reshape(-1, bins)
    shares: Numbers = counts / counts.sum(axis=1, keepdims=True)
    return shares


def _psi(drawn: Numbers, shares: Numbers) -> Numbers:
    """(rounds,), that of each draw. An empty bin counts as half a caller of the larger side.

    Args:
        drawn: (rounds, groups), 1 where a group is in the first sample, else 0.
        shares: (groups, bins).
    """
    inside = drawn[0].sum()
    outside = len(shares) - inside
    least = UNSEEN / max(inside, outside)
    sums = drawn @ shares
    p = np.maximum(sums / inside, least)
    q = np.maximum((shares.sum(axis=0) - sums) / outside, least)
    # Rounded, since sums of the same groups in another order differ in their last digits.
    psi: Numbers = np.round(((p - q) * np.log(p / q)).sum(axis=1), 9)
    return psi


def _draws(groups: int, inside: int) -> Iterator[Numbers]:
    """ROUNDS draws of so many groups among all, in portions: (rounds, groups), 1 or 0."""
    generator = np.random.default_rng(SEED)
    first, then = ROUNDS_AT_ONCE
    left, count = ROUNDS, first
    while left > 0:
        keys = generator.random((count, groups), dtype=np.float32)
        least = np.partition(keys, inside - 1, axis=1)[:, inside - 1, None]
        yield (keys <= least).astype(np.float64)
        left, count = left - count, min(then, left - count)
