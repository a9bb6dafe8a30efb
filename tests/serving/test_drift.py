"""docs/subsystems/monitoring.md: how far values have moved, and when that is said."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.drift import (
    CATEGORIES_MAX,
    PSI_FLOOR,
    Reference,
    psi,
    reference_of,
    threshold,
)

COUNTS = st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 5_000)), min_size=1, max_size=20)
"""Two samples over the same bins."""


def split(pairs):
    """The two samples, each of a row at least."""
    before, after = map(list, zip(*pairs, strict=True))
    before[0] += not sum(before)
    after[0] += not sum(after)
    return before, after


class TestPsi:
    @given(COUNTS)
    def test_is_never_negative_and_symmetric(self, pairs):
        before, after = split(pairs)

        assert psi(before, after) >= 0.0
        assert psi(before, after) == pytest.approx(psi(after, before), abs=1e-12)

    @given(COUNTS, st.randoms(use_true_random=False))
    def test_does_not_depend_on_the_order_of_the_bins(self, pairs, random):
        before, after = split(pairs)
        order = list(range(len(before)))
        random.shuffle(order)

        shuffled = psi([before[i] for i in order], [after[i] for i in order])

        assert shuffled == pytest.approx(psi(before, after), rel=1e-9, abs=1e-12)

    @given(st.lists(st.integers(0, 1_000), min_size=1, max_size=20), st.integers(1, 9))
    def test_is_zero_where_the_shares_agree(self, counts, times):
        counts[0] += not sum(counts)

        assert psi(counts, [count * times for count in counts]) == pytest.approx(0.0, abs=1e-12)

    @given(COUNTS)
    def test_is_zero_only_where_the_shares_agree(self, pairs):
        before, after = split(pairs)
        agree = all(b * sum(after) == a * sum(before) for b, a in zip(before, after, strict=True))

        assert (psi(before, after) > 1e-12) is not agree

    def test_of_two_bins_is_what_the_formula_gives(self):
        expected = (0.7 - 0.5) * np.log(0.7 / 0.5) + (0.3 - 0.5) * np.log(0.3 / 0.5)

        assert psi([500, 500], [700, 300]) == pytest.approx(expected, rel=1e-12)

    def test_of_an_empty_bin_is_finite(self):
        assert psi([1_000, 0], [0, 1_000]) == pytest.approx(
            2 * 0.9995 * np.log(1 / 0.0005), rel=1e-2
        )

    @pytest.mark.parametrize(
        ("before", "after"), [([], []), ([1], [0]), ([0, 0], [1, 1]), ([1, 1], [1])]
    )
    def test_of_nothing_is_refused(self, before, after):
        with pytest.raises(ValueError, match="same bins"):
            psi(before, after)


class TestThreshold:
    def test_is_the_quantile_where_chance_is_larger_than_the_floor(self):
        tens = [10] * 10

        # 23.589: chi-squared, 9 degrees of freedom, 0.995 (any table of the distribution)
        assert threshold(tens, tens) == pytest.approx((1 / 100 + 1 / 100) * 23.589, rel=1e-4)

    def test_is_the_floor_where_rows_are_many(self):
        assert threshold([1_000] * 10, [1_000] * 10) == PSI_FLOOR

    def test_grows_with_the_features_that_are_looked_at(self):
        tens = [10] * 10
        figures = [threshold(tens, tens, readings=count) for count in (1, 2, 20, 200)]

        assert figures == sorted(set(figures))

    def test_counts_only_bins_with_a_row(self):
        full, holes = [10] * 4, [10, 0, 10, 0, 10, 10]

        assert threshold(holes, holes) == threshold(full, full)

    def test_goes_by_what_is_independent(self):
        """Rows that come in groups that are alike say no more than as many as there are groups."""
        even = [100] * 10

        assert threshold(even, even, independent=(None, 50)) == pytest.approx(
            (1 / 1_000 + 1 / 50) * 23.589, rel=1e-4
        )
        assert threshold(even, even, independent=(50, 50)) == threshold([5] * 10, [5] * 10)

    def test_of_one_bin_is_the_floor(self):
        assert threshold([7, 0], [9, 0]) == PSI_FLOOR

    def test_false_alarms_are_as_rare_as_promised(self):
        """5 of 1,000 readings with nothing moved, before the floor makes them rarer still."""
        random, repeats, size = np.random.default_rng(7), 20_000, 1_000
        shares = np.full(10, 0.1)
        pairs = random.multinomial(size, shares, (repeats, 2))
        q, p = pairs[:, 0] / size, pairs[:, 1] / size
        figures = ((p - q) * np.log(p / q)).sum(axis=1)
        limit = (1 / size + 1 / size) * 23.589

        assert (figures > limit).mean() == pytest.approx(0.005, abs=0.002)
        assert (figures > threshold(pairs[0, 0], pairs[0, 1])).sum() == 0

    def test_a_shift_of_half_a_deviation_is_found_every_time(self):
        random = np.random.default_rng(11)
        before = reference_of(random.normal(size=5_000), categorical=False)
        found = 0
        for _ in range(100):
            counts = before.count(random.normal(0.5, size=1_000))
            limit = threshold(before.expected, counts, readings=20)
            found += psi(before.expected, counts) > limit

        assert found == 100


class TestReference:
    def test_tells_long_texts_apart_that_begin_alike(self):
        texts = ["x" * 1_000 + end for end in "aab"]

        reference = reference_of(texts, categorical=True)

        assert [len(edge) for edge in reference.edges] == [96, 96]
        assert reference.counts == (2, 1, 0, 0)
        declared = Reference((texts[0], texts[2]), (2, 1), is_categorical=True)
        assert declared.count([*texts, "y"]).tolist() == [2, 1, 1, 0]

    def test_of_numbers_has_ten_equally_full_bins(self):
        reference = reference_of(list(range(1_000)), categorical=False)

        assert reference.edges == (99, 199, 299, 399, 499, 599, 699, 799, 899)
        assert reference.counts == (99, *[100] * 8, 101, 0)

    def test_of_numbers_that_repeat_gives_the_frequent_one_a_bin(self):
        reference = reference_of([0.0] * 950 + list(range(1, 51)), categorical=False)

        assert reference.edges == (1.0,)
        assert reference.counts == (950, 50, 0)

    def test_of_booleans_has_a_bin_for_each(self):
        reference = reference_of([False] * 300 + [True] * 700, categorical=False)

        assert reference.edges == (1.0,)
        assert reference.counts == (300, 700, 0)
        assert reference.count([True, False, True]).tolist() == [1, 2, 0]

    def test_of_one_value_sees_any_other(self):
        reference = reference_of([5] * 1_000, categorical=False)

        assert reference.counts == (0, 1_000, 0, 0)
        assert reference.count([5, 9, 4, 5]).tolist() == [1, 2, 1, 0]

    def test_of_categories_counts_the_others_together(self):
        reference = reference_of(["b"] * 2 + ["a"] * 5 + ["c"], categorical=True)

        assert reference.edges == ("a", "b", "c")
        assert reference.counts == (5, 2, 1, 0, 0)
        assert reference.count(["a", "d", None, "e", "c"]).tolist() == [1, 0, 1, 2, 1]

    def test_keeps_the_most_frequent_categories(self):
        values = [str(n) for n in range(200) for _ in range(200 - n)]

        reference = reference_of(values, categorical=True)

        assert reference.edges == tuple(str(n) for n in range(CATEGORIES_MAX))
        assert reference.counts[-2] == sum(200 - n for n in range(CATEGORIES_MAX, 200))

    def test_of_numbered_categories_takes_either_form(self):
        assert reference_of(["2", "2", "7"], categorical=True).count([2, "7", 2]).tolist()[:2] == [
            2,
            1,
        ]

    def test_counts_what_is_missing(self):
        reference = reference_of([1.0, 2.0, None, float("nan")], categorical=False)

        assert reference.counts[-1] == 2
        assert reference.count([None, 1.5])[-1] == 1

    def test_that_was_declared_may_leave_out_bins_at_the_end(self):
        declared = Reference((0.5,), (600, 400))

        assert declared.expected.tolist() == [600, 400, 0]
        assert psi(declared.expected, declared.count([0] * 6 + [1] * 4)) == pytest.approx(0.0)
