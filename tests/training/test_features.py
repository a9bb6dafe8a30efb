"""Columns are grouped, logged, scaled and spread as stated."""

from __future__ import annotations

import numpy as np
import pytest

from serving.signature import Signature
from training.features import ColumnGroup, Preparation, group_columns
from training.purchase_intent import HEAVY_TAILED

SMALL = Signature.from_document(
    {
        "features": [
            {"name": "pages", "kind": "integer"},
            {"name": "rate", "kind": "number"},
            {"name": "colour", "kind": "category", "vocabulary": ["red", "blue"]},
            {"name": "size", "kind": "category", "vocabulary": ["s", "l"], "unknown": "other"},
            {"name": "weekend", "kind": "boolean"},
        ]
    }
)
MATRIX = np.array([[0, 1, 0, 0, 1], [np.e - 1, 3, 1, 2, 0]], dtype=np.float32)


class TestGroupColumns:
    def test_joins_neighbours_and_leaves_categories_alone(self):
        assert group_columns(SMALL, {"pages"}) == (
            ColumnGroup("logged", 0, 1, 1),
            ColumnGroup("plain", 1, 2, 1),
            ColumnGroup("one_hot", 2, 3, 2),
            ColumnGroup("one_hot", 3, 4, 3),
            ColumnGroup("plain", 4, 5, 1),
        )

    def test_covers_every_column_of_the_purchase_intent_signature_once(self, signature):
        groups = group_columns(signature, HEAVY_TAILED)
        covered = [column for group in groups for column in range(group.start, group.stop)]
        assert covered == list(range(17))
        assert sum(group.width for group in groups) == 11 + 13 + 9 + 14 + 10 + 21 + 4


class TestPreparation:
    def test_logs_then_standardises_numbers_and_spreads_categories(self):
        preparation = Preparation.fit(MATRIX, signature=SMALL, heavy_tailed={"pages"})
        # ln(1 + pages) is 0 and 1; every number has two values, so they become -1 and 1.
        assert preparation.design_matrix(MATRIX) == pytest.approx(
            np.array([[-1, -1, 1, 1, 0, 1, 0, 0], [1, 1, -1, 0, 1, 0, 0, 1]])
        )

    def test_takes_means_from_the_rows_it_was_fitted_to(self):
        preparation = Preparation.fit(MATRIX[:1], signature=SMALL, heavy_tailed={"pages"})
        assert preparation.mean.tolist() == [0.0, 1.0, 1.0]

    def test_does_not_divide_a_constant_column_by_nearly_nothing(self):
        constant = np.repeat(MATRIX[:1], 3, axis=0)
        preparation = Preparation.fit(constant, signature=SMALL, heavy_tailed={"pages"})
        assert preparation.deviation.tolist() == [1.0, 1.0, 1.0]
        assert np.abs(preparation.design_matrix(MATRIX)).max() <= 2.0
