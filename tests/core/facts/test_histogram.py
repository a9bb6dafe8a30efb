"""The estimate of a percentile lies in the bucket of the exact one, whatever the durations."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.facts.histogram import BUCKETS, FIRST_MS, LAST, RATIO, bucket_of, percentile, value_of

LONGEST = FIRST_MS * RATIO ** (LAST - 1)  # milliseconds; what lasts longer is in the last bucket


def counted(durations):
    counts = {}
    for milliseconds in durations:
        bucket = bucket_of(milliseconds)
        counts[bucket] = counts.get(bucket, 0) + 1
    return counts


class TestPercentile:
    @given(
        st.lists(st.floats(FIRST_MS, LONGEST), min_size=1, max_size=200),
        st.sampled_from([0.5, 0.95, 0.99, 1.0]),
    )
    def test_is_within_half_a_bucket_of_the_exact_one(self, durations, share):
        exact = sorted(durations)[math.ceil(share * len(durations)) - 1]

        estimate = percentile(counted(durations), share)

        assert max(estimate / exact, exact / estimate) <= math.sqrt(RATIO) * (1 + 1e-9)

    @given(st.lists(st.floats(0, 1e9), min_size=1), st.lists(st.floats(0, 1e9), min_size=1))
    def test_of_added_counts_is_that_of_all_durations(self, some, others):
        added = counted(some)
        for bucket, calls in counted(others).items():
            added[bucket] = added.get(bucket, 0) + calls

        assert percentile(added, 0.95) == percentile(counted(some + others), 0.95)

    def test_of_nothing_is_unknown(self):
        assert percentile({}, 0.5) is None
        assert percentile({3: 0}, 0.5) is None

    def test_ignores_the_order_of_the_buckets(self):
        assert percentile({90: 1, 10: 99}, 0.95) == value_of(10)


class TestBuckets:
    @pytest.mark.parametrize(
        ("milliseconds", "bucket"),
        [(-1, 0), (0, 0), (0.1, 0), (0.1001, 1), (62_000, LAST - 1), (63_000, LAST), (1e12, LAST)],
    )
    def test_reach_from_nothing_to_any_length(self, milliseconds, bucket):
        assert bucket_of(milliseconds) == bucket

    def test_follow_each_other(self):
        found = [bucket_of(FIRST_MS * RATIO ** (step / 4)) for step in range(4 * BUCKETS)]

        assert found == sorted(found)
        assert set(found) == set(range(BUCKETS))

    def test_ends_are_stood_for_by_what_is_known_of_them(self):
        assert value_of(0) == FIRST_MS
        assert value_of(LAST) == pytest.approx(62_370, rel=0.001)
