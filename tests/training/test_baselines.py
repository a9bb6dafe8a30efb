"""The logistic baseline finds the optimum it promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.baselines import LogisticRegression, PriorRate, sigmoid


class TestPriorRate:
    def test_answers_the_share_of_positives(self):
        assert PriorRate.fit(np.array([1, 0, 0, 0])).predict(3).tolist() == [0.25, 0.25, 0.25]


class TestLogisticRegression:
    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.floats(0.1, 10.0))
    def test_ends_where_the_penalised_gradient_vanishes(self, seed, ridge):
        rng = np.random.default_rng(seed)
        design = rng.normal(size=(60, 4))
        labels = np.concatenate([[0, 1], rng.integers(0, 2, 58)])

        model = LogisticRegression.fit(design, labels, ridge=ridge)

        error = model.predict(design) - labels
        assert design.T @ error + ridge * model.weights == pytest.approx(np.zeros(4), abs=1e-6)
        assert error.sum() == pytest.approx(0.0, abs=1e-6)  # the bias is not penalised

    def test_recovers_the_weights_that_made_the_labels(self):
        rng = np.random.default_rng(3)
        design = rng.normal(size=(40_000, 2))
        labels = rng.random(40_000) < sigmoid(design @ np.array([1.0, -2.0]) - 1.5)

        model = LogisticRegression.fit(design, labels)

        assert model.weights == pytest.approx([1.0, -2.0], abs=0.08)
        assert model.bias == pytest.approx(-1.5, abs=0.08)

    def test_stays_finite_when_a_column_separates_the_classes(self):
        design = np.array([[-1.0], [-1.0], [1.0], [1.0]])
        model = LogisticRegression.fit(design, np.array([0, 0, 1, 1]))
        assert 0 < model.weights[0] < 10

    def test_is_unique_though_one_hot_columns_sum_to_one(self):
        design = np.eye(3)[[0, 0, 1, 1, 2, 2]]
        model = LogisticRegression.fit(design, np.array([0, 1, 0, 1, 1, 1]))
        assert np.isfinite(model.weights).all()
        assert model.weights[0] == pytest.approx(model.weights[1])


class TestSigmoid:
    def test_does_not_overflow(self):
        assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]
