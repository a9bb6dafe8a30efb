"""The bins that later traffic is held against."""

from __future__ import annotations

import numpy as np
import pytest

from serving.signature import Signature
from training.dataset import Dataset
from training.distributions import BINS, quantile_bins, reference_of

SIGNATURE = Signature.from_document(
    {
        "features": [
            {"name": "amount", "kind": "number"},
            {
                "name": "colour",
                "kind": "category",
                "vocabulary": ["red", "green"],
                "unknown": "other",
            },
            {"name": "member", "kind": "boolean"},
        ]
    }
)


class TestQuantileBins:
    def test_puts_a_tenth_of_distinct_values_into_each_bin(self):
        bins = quantile_bins(np.random.default_rng(1).permutation(1_000).astype(float))

        assert len(bins["edges"]) == BINS - 1
        assert bins["edges"] == sorted(bins["edges"])
        assert sum(bins["counts"]) == 1_000
        assert all(99 <= count <= 101 for count in bins["counts"])

    def test_has_fewer_bins_where_values_repeat_and_none_is_empty(self):
        bins = quantile_bins(np.array([0.0] * 7 + [1.0, 2.0, 3.0]))

        assert bins == {"edges": [1.0, 2.0], "counts": [7, 1, 2]}

    def test_has_one_bin_for_a_constant(self):
        assert quantile_bins(np.zeros(5)) == {"edges": [], "counts": [5]}

    @pytest.mark.parametrize("seed", range(20))
    def test_leaves_no_bin_empty_whatever_the_values(self, seed):
        generator = np.random.default_rng(seed)
        column = generator.integers(0, generator.integers(1, 30), generator.integers(1, 400))

        bins = quantile_bins(column.astype(np.float32))

        assert min(bins["counts"]) > 0
        assert sum(bins["counts"]) == len(column)
        assert len(bins["counts"]) == len(bins["edges"]) + 1


class TestReferenceOf:
    def test_has_every_feature_by_name_and_the_score(self):
        features = np.array([[0.5, 0, 1], [1.5, 2, 0], [2.5, 0, 1]], dtype=np.float32)
        dataset = Dataset(features, np.array([0, 1, 0], dtype=np.int8))

        reference = reference_of(dataset, np.array([0.25, 0.75]), SIGNATURE)

        assert reference["features"]["amount"] == {"edges": [1.5, 2.5], "counts": [1, 1, 1]}
        assert reference["features"]["colour"] == {"values": ["red", "green"], "counts": [2, 0, 1]}
        assert reference["features"]["member"] == {"values": ["false", "true"], "counts": [1, 2, 0]}
        assert reference["score"] == {"edges": [0.75], "counts": [1, 1]}
