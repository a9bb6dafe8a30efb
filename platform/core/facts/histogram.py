"""Durations by bucket: percentiles of any number of calls from a short array that adds up.

Bounds are logarithmic and fixed for good, since rows written years apart are added: bucket 0 holds
up to FIRST_MS milliseconds, each next one reaches RATIO times as far, the last holds all the rest
(from about a minute on). A percentile is answered as the geometric middle of its bucket, so it is
at most half a bucket, 5 %, away from the exact one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_MS: Final = 0.1  # upper bound of bucket 0
RATIO: Final = 1.1  # of the bounds of two neighbours
BUCKETS: Final = 142  # the last but one ends at 62,370 ms
LAST: Final = BUCKETS - 1

_STEP: Final = math.log(RATIO)


def bucket_of(milliseconds: float) -> int:
    """The bucket that counts a duration."""
    if milliseconds <= FIRST_MS:
        return 0
    return min(LAST, math.ceil(math.log(milliseconds / FIRST_MS) / _STEP))


def value_of(bucket: int) -> float:
    """The milliseconds that stand for a bucket.

    Of the first its upper bound, of the last its lower: nothing more is known.
    """
    if bucket == 0:
        return FIRST_MS
    if bucket >= LAST:
        return FIRST_MS * math.pow(RATIO, LAST - 1)
    return FIRST_MS * math.pow(RATIO, bucket - 0.5)


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The duration that `share` of the calls did not exceed (nearest rank); None: no call.

    Args:
        counts: calls by bucket; those without a call may be left out.
        share: above 0, at most 1; 0.95 for the 95th percentile.
    """
    rank = math.ceil(share * sum(counts.values()))
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= rank > 0:
            return value_of(bucket)
    return None
