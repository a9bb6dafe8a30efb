"""Intervals against published tables, other implementations, and their own promise."""

import numpy as np
import pytest
from scipy import stats

from serving.intervals import (
    Interval,
    Moments,
    auc,
    auc_difference,
    calibration_error,
    mean_interval,
    newcombe,
    welch,
    wilson,
)


def moments(sample):
    return Moments(len(sample), float(np.mean(sample)), float(np.var(sample, ddof=1)))


class TestWilson:
    # Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3
    @pytest.mark.parametrize(
        ("successes", "count", "low", "high"),
        [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ],
    )
    def test_is_that_of_the_table(self, successes, count, low, high):
        found = wilson(successes, count)

        assert found.value == successes / count
        assert (found.low, found.high) == (
            pytest.approx(low, abs=5e-5),
            pytest.approx(high, abs=5e-5),
        )

    def test_stays_within_0_and_1(self):
        assert wilson(0, 5).low == 0.0
        assert wilson(5, 5).high == 1.0


class TestNewcombe:
    # Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10
    @pytest.mark.parametrize(
        ("first", "second", "low", "high"),
        [
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((10, 10), (0, 20), 0.6791, 1.0),
        ],
    )
    def test_is_that_of_the_table(self, first, second, low, high):
        found = newcombe(first, second)

        assert (found.low, found.high) == (
            pytest.approx(low, abs=5e-5),
            pytest.approx(high, abs=5e-5),
        )


class TestMeans:
    def test_one_mean_is_scipy_s(self):
        sample = np.random.default_rng(1).normal(3, 2, 12)
        theirs = stats.ttest_1samp(sample, 0).confidence_interval()

        found = mean_interval(moments(sample))

        assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))

    def test_a_difference_is_scipy_s(self):
        random = np.random.default_rng(2)
        first, second = random.normal(3, 2, 12), random.normal(2, 5, 40)
        theirs = stats.ttest_ind(first, second, equal_var=False).confidence_interval()

        found = welch(moments(first), moments(second))

        assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))

    def test_samples_without_spread_differ_exactly(self):
        assert welch(Moments(5, 1.0, 0.0), Moments(9, 0.25, 0.0)) == Interval(0.75, 0.75, 0.75)


def by_definition(scores, truths):
    """DeLong's structural components, pair by pair."""
    positive, negative = scores[truths], scores[~truths]
    pairs = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    above, below = pairs.mean(axis=1), pairs.mean(axis=0)
    return pairs.mean(), above.var(ddof=1) / len(positive) + below.var(ddof=1) / len(negative)


class TestAuc:
    @pytest.mark.parametrize("decimals", [1, 8])
    def test_is_that_of_all_pairs_with_and_without_ties(self, decimals):
        random = np.random.default_rng(3)
        truths = random.random(200) < 0.3
        scores = np.round(random.normal(truths * 1.0, 1.0), decimals)

        found = auc(scores, truths)

        assert (found.value, found.variance) == pytest.approx(by_definition(scores, truths))

    def test_holds_the_truth_as_often_as_it_says(self):
        random = np.random.default_rng(4)
        truth = stats.norm.cdf(1.0 / np.sqrt(2))  # of two normal distributions, 1 apart
        truths = np.arange(300) < 100
        held = 0
        for _ in range(400):
            found = auc(random.normal(truths * 1.0, 1.0), truths).interval
            held += found.low < truth < found.high
        assert 0.92 < held / 400 < 0.98

    def test_needs_enough_of_both_classes(self):
        truths = np.arange(100) < 9
        assert auc(np.arange(100.0), truths) is None

    def test_two_independent_ones_differ_by_the_sum_of_their_variances(self):
        random = np.random.default_rng(5)
        truths = random.random(500) < 0.5
        good, poor = (auc(random.normal(truths * d, 1.0), truths) for d in (2.0, 0.2))

        found = auc_difference(good, poor)

        assert found.excludes_zero
        assert not auc_difference(good, good).excludes_zero
        assert found.high - found.value == pytest.approx(
            1.959964 * np.sqrt(good.variance + poor.variance)
        )


class TestCalibrationError:
    def test_is_the_mean_gap_of_the_bins(self):
        scores = np.array([0.05, 0.05, 0.95, 0.95])
        truths = np.array([False, False, True, False])

        # 2 of 4 rows are 0.05 off, 2 of 4 are 0.45 off
        assert calibration_error(scores, truths) == pytest.approx(0.25)

    def test_takes_a_score_of_1(self):
        assert calibration_error(np.array([1.0]), np.array([True])) == 0.0
