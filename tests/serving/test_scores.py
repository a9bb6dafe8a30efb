"""Which number of an answer is its score, and what is decided by it."""

from __future__ import annotations

import numpy as np
import pytest

from serving.scores import Scoring

ONE = {"p": np.array([[0.2], [0.5], [0.9]], dtype=np.float32)}
CLASSES = {"p": np.array([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]])}


class TestScores:
    def test_the_only_number_is_the_score(self) -> None:
        assert Scoring().scores(ONE).tolist() == pytest.approx([0.2, 0.5, 0.9])

    def test_without_an_index_the_largest_number_is(self) -> None:
        assert Scoring().scores(CLASSES).tolist() == [0.7, 0.6]

    def test_an_index_and_an_output_choose(self) -> None:
        outputs = {"first": np.zeros((2, 1)), **CLASSES}
        assert Scoring(output="p", index=2).scores(outputs).tolist() == [0.2, 0.1]

    def test_a_flat_output_is_one_number_a_row(self) -> None:
        assert Scoring().scores({"y": np.array([1.0, 2.0])}).tolist() == [1.0, 2.0]


class TestDecisions:
    def test_the_threshold_itself_decides_one(self) -> None:
        assert Scoring(threshold=0.5).decisions(ONE).tolist() == [0, 1, 1]

    def test_without_an_index_the_largest_class_is_decided(self) -> None:
        assert Scoring().decisions(CLASSES).tolist() == [1, 0]

    def test_an_index_is_decided_by_the_threshold(self) -> None:
        assert Scoring(index=1, threshold=0.4).decisions(CLASSES).tolist() == [1, 0]


class TestClasses:
    def test_a_single_number_is_of_no_class(self) -> None:
        assert Scoring().classes(ONE) is None

    def test_the_largest_number_says_which_class_it_is_of(self) -> None:
        found = Scoring().classes(CLASSES)
        assert found is not None
        assert found.tolist() == [1, 0]

    def test_an_index_is_the_class(self) -> None:
        found = Scoring(index=2).classes(CLASSES)
        assert found is not None
        assert found.tolist() == [2, 2]
