"""Parts and folds share out every row once, each class evenly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from training.dataset import Dataset
from training.errors import TooFewRowsError
from training.splitting import hold_out, split, stratified_folds


def labels_of(negatives, positives):
    labels = np.array([0] * negatives + [1] * positives, dtype=np.int8)
    return np.random.default_rng(0).permutation(labels)


class TestHoldOut:
    @given(st.integers(10, 200), st.integers(10, 200), st.floats(0.1, 0.9), st.integers(0, 9))
    def test_parts_every_row_once_and_each_class_by_the_share(
        self, negatives, positives, share, seed
    ):
        labels = labels_of(negatives, positives)
        kept, held = hold_out(labels, share=share, seed=seed)
        assert np.sort(np.concatenate([kept, held])).tolist() == list(range(labels.size))
        assert labels[held].sum() == round(share * positives)
        assert held.size - labels[held].sum() == round(share * negatives)

    def test_is_drawn_by_the_seed(self):
        labels = labels_of(50, 50)
        first = hold_out(labels, share=0.3, seed=1)[1].tolist()
        assert hold_out(labels, share=0.3, seed=1)[1].tolist() == first
        assert hold_out(labels, share=0.3, seed=2)[1].tolist() != first

    @pytest.mark.parametrize(("negatives", "positives"), [(100, 0), (0, 100), (100, 1), (100, 3)])
    def test_refuses_a_part_without_a_class(self, negatives, positives):
        with pytest.raises(TooFewRowsError, match="too few to hold out 15%"):
            hold_out(labels_of(negatives, positives), share=0.15, seed=0)


class TestSplit:
    def test_gives_three_disjoint_parts_of_the_whole_by_the_shares(self):
        labels = labels_of(800, 200)
        rows = Dataset(np.arange(1000, dtype=np.float32)[:, None], labels)

        parts = split(rows, validation=0.15, holdout=0.2, seed=4)

        drawn = [parts.training, parts.validation, parts.holdout]
        assert [(len(part), part.positives) for part in drawn] == [(650, 130), (150, 30), (200, 40)]
        numbers = np.concatenate([part.features[:, 0] for part in drawn])
        assert np.sort(numbers).tolist() == list(range(1000))
        for part in drawn:  # features and labels stayed together
            assert labels[part.features[:, 0].astype(int)].tolist() == part.labels.tolist()


class TestStratifiedFolds:
    @given(st.integers(2, 100), st.integers(2, 100), st.integers(2, 7), st.integers(0, 9))
    def test_put_every_row_in_one_fold_and_differ_by_one_at_most(
        self, negatives, positives, folds, seed
    ):
        assume(min(negatives, positives) >= folds)
        labels = labels_of(negatives, positives)
        pairs = list(stratified_folds(labels, folds=folds, seed=seed))

        held = np.concatenate([fold for _, fold in pairs])
        assert np.sort(held).tolist() == list(range(labels.size))
        for rest, fold in pairs:
            assert np.sort(np.concatenate([rest, fold])).tolist() == list(range(labels.size))
        sizes = [fold.size for _, fold in pairs]
        hits = [labels[fold].sum() for _, fold in pairs]
        assert len(pairs) == folds
        assert max(sizes) - min(sizes) <= 1
        assert max(hits) - min(hits) <= 1

    def test_refuse_more_folds_than_a_class_has_rows(self):
        with pytest.raises(TooFewRowsError, match="4 positives cannot fill 5 folds"):
            list(stratified_folds(labels_of(50, 4), folds=5, seed=0))
