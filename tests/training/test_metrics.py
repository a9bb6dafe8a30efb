"""Each figure against a value worked out by hand, and against what must not change it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import metrics
from training.errors import TooFewRowsError

LABELS = np.array([1, 0, 1, 0, 0])
PROBABILITIES = np.array([0.9, 0.8, 0.6, 0.3, 0.2])


@st.composite
def predictions(draw):
    """Labels of both classes and probabilities in tenths, so that ties are common."""
    cells = draw(
        st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10)), min_size=1, max_size=40)
    )
    labels = np.array([0, 1, *(label for label, _ in cells)])
    tenths = np.array([draw(st.integers(0, 10)), draw(st.integers(0, 10)), *(t for _, t in cells)])
    return labels, tenths / 10


class TestRocAuc:
    def test_counts_the_pairs_ranked_rightly(self):
        # 2 x 3 pairs; only 0.6 (positive) against 0.8 (negative) is wrong.
        assert metrics.roc_auc(LABELS, PROBABILITIES) == pytest.approx(5 / 6)

    def test_counts_a_tie_as_half(self):
        labels, probabilities = np.array([1, 0, 0]), np.array([0.5, 0.5, 0.1])
        assert metrics.roc_auc(labels, probabilities) == pytest.approx(1.5 / 2)

    @pytest.mark.parametrize(
        ("probabilities", "expected"), [([0.1, 0.9], 1.0), ([0.9, 0.1], 0.0), ([0.4, 0.4], 0.5)]
    )
    def test_knows_perfect_inverted_and_constant(self, probabilities, expected):
        assert metrics.roc_auc(np.array([0, 1]), np.array(probabilities)) == expected

    @given(predictions())
    def test_equals_the_share_of_pairs_counted_one_by_one(self, drawn):
        labels, probabilities = drawn
        pairs = [
            1.0 if high > low else 0.5 if high == low else 0.0
            for high in probabilities[labels == 1]
            for low in probabilities[labels == 0]
        ]
        assert metrics.roc_auc(labels, probabilities) == pytest.approx(np.mean(pairs))

    @given(predictions())
    def test_depends_on_the_ranking_alone(self, drawn):
        labels, probabilities = drawn
        squeezed = metrics.roc_auc(labels, np.sqrt(probabilities) / 2)
        assert squeezed == pytest.approx(metrics.roc_auc(labels, probabilities))


class TestAveragePrecision:
    def test_sums_precision_where_recall_rises(self):
        # Found at places 1 and 3: (1/1 + 2/3) / 2.
        assert metrics.average_precision(LABELS, PROBABILITIES) == pytest.approx(5 / 6)

    def test_takes_tied_rows_in_one_step(self):
        labels = np.array([1, 0, 1, 0])
        assert metrics.average_precision(labels, np.array([0.7, 0.7, 0.2, 0.1])) == pytest.approx(
            0.5 * (1 / 2) + 0.5 * (2 / 3)
        )

    @given(predictions())
    def test_of_a_constant_answer_is_the_share_of_positives(self, drawn):
        labels, probabilities = drawn
        constant = np.full_like(probabilities, 0.3)
        assert metrics.average_precision(labels, constant) == pytest.approx(labels.mean())


class TestLogLoss:
    def test_is_the_mean_surprise(self):
        loss = metrics.log_loss(np.array([1, 0]), np.array([0.8, 0.4]))
        assert loss == pytest.approx(-(np.log(0.8) + np.log(0.6)) / 2)

    def test_stays_finite_for_a_certain_answer_that_is_wrong(self):
        loss = metrics.log_loss(np.array([1, 0]), np.array([0.0, 1.0]))
        assert loss == pytest.approx(-np.log(1e-7), rel=1e-6)

    @given(predictions())
    def test_no_constant_beats_the_share_of_positives(self, drawn):
        labels, probabilities = drawn
        best = metrics.log_loss(labels, np.full(labels.size, labels.mean()))
        for constant in probabilities:
            assert metrics.log_loss(labels, np.full(labels.size, constant)) >= best - 1e-12


class TestBrierScore:
    def test_is_the_mean_squared_error(self):
        score = metrics.brier_score(np.array([1, 0, 1]), np.array([0.9, 0.2, 0.5]))
        assert score == pytest.approx((0.01 + 0.04 + 0.25) / 3)


class TestCalibrationError:
    def test_weights_each_bins_gap_by_its_rows(self):
        labels = np.array([0, 0, 1, 1])
        probabilities = np.array([0.12, 0.18, 0.14, 0.96])
        # Bin 1 promised 0.44 / 3 and saw 1 / 3; bin 9 promised 0.96 and saw 1.
        expected = 0.75 * (1 / 3 - 0.44 / 3) + 0.25 * 0.04
        assert metrics.expected_calibration_error(labels, probabilities) == pytest.approx(expected)

    def test_is_nought_when_every_promise_is_kept(self):
        labels = np.array([1, 0, 0, 0, 1, 1, 1, 0])
        probabilities = np.repeat([0.25, 0.75], 4)
        assert metrics.expected_calibration_error(labels, probabilities) == 0.0

    @given(predictions())
    def test_lies_between_the_whole_gap_and_one(self, drawn):
        labels, probabilities = drawn
        error = metrics.expected_calibration_error(labels, probabilities)
        assert abs(labels.mean() - probabilities.mean()) - 1e-12 <= error <= 1.0


class TestReliability:
    def test_puts_a_border_into_the_upper_bin_and_one_into_the_last(self):
        bins = metrics.reliability(np.array([0, 1, 1]), np.array([0.5, 1.0, 0.0]))
        assert [row.rows for row in bins] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 1]

    def test_leaves_an_empty_bin_without_figures(self):
        row = metrics.reliability(np.array([1]), np.array([0.95]))[0]
        assert row == metrics.ReliabilityBin(0.0, 0.1, 0, None, None)

    @given(predictions())
    def test_counts_every_row_once(self, drawn):
        labels, probabilities = drawn
        bins = metrics.reliability(labels, probabilities)
        assert sum(row.rows for row in bins) == labels.size
        assert sum(row.rows * (row.observed_rate or 0) for row in bins) == pytest.approx(
            labels.sum()
        )


class TestLift:
    def test_compares_the_top_with_the_whole(self):
        labels = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
        ranked = np.linspace(1, 0, 10)
        assert metrics.lift(labels, ranked) == pytest.approx(1 / 0.2)
        assert metrics.lift(labels, ranked, share=0.4) == pytest.approx(0.5 / 0.2)

    def test_counts_ties_at_the_border_in_proportion(self):
        labels = np.array([1, 0, 0, 0])
        assert metrics.lift(labels, np.full(4, 0.5), share=0.5) == pytest.approx(1.0)

    def test_takes_at_least_one_row(self):
        assert metrics.lift(np.array([1, 0]), np.array([0.9, 0.1]), share=0.01) == 2.0


class TestAll:
    @given(predictions(), st.randoms(use_true_random=False))
    def test_do_not_depend_on_the_order_of_rows(self, drawn, random):
        labels, probabilities = drawn
        order = list(range(labels.size))
        random.shuffle(order)
        before = metrics.measure(labels, probabilities)
        after = metrics.measure(labels[order], probabilities[order])
        for name in metrics.Metrics.__slots__:
            assert getattr(after, name) == pytest.approx(getattr(before, name))

    @pytest.mark.parametrize("rank", [metrics.roc_auc, metrics.average_precision, metrics.lift])
    @pytest.mark.parametrize("label", [0, 1])
    def test_that_rank_refuse_a_single_class(self, rank, label):
        with pytest.raises(TooFewRowsError, match="these 3 rows have one"):
            rank(np.full(3, label), np.array([0.1, 0.2, 0.3]))
