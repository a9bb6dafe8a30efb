"""Rows in memory: encoded in chunks, decoded for people."""

from __future__ import annotations

import numpy as np
import pytest

from serving.errors import InvalidInstancesError
from training import dataset
from training.dataset import Dataset, decode_row, from_instances
from training.errors import TooFewRowsError
from training.simulator import simulate_sessions


class TestFromInstances:
    def test_keeps_rows_and_labels_together_over_chunks(self, signature, monkeypatch):
        sessions = simulate_sessions(rows=11, seed=2)
        whole = from_instances(sessions.instances(), sessions.labels, signature=signature)
        monkeypatch.setattr(dataset, "CHUNK_ROWS", 4)
        chunked = from_instances(sessions.instances(), sessions.labels, signature=signature)
        assert chunked.features.tolist() == whole.features.tolist()
        assert chunked.labels.tolist() == sessions.labels.tolist()
        assert (len(chunked), chunked.positives) == (11, sessions.labels.sum())

    def test_refuses_none(self, signature):
        with pytest.raises(TooFewRowsError, match="no rows"):
            from_instances([], np.array([], dtype=np.int8), signature=signature)

    def test_refuses_what_serving_refuses(self, signature):
        with pytest.raises(InvalidInstancesError):
            from_instances([{"Month": "May"}], np.array([1], dtype=np.int8), signature=signature)


class TestDecodeRow:
    def test_is_the_inverse_of_encoding(self, signature):
        sessions = simulate_sessions(rows=200, seed=3)
        encoded = from_instances(sessions.instances(), sessions.labels, signature=signature)

        decoded = [decode_row(row, signature) for row in encoded.features]

        again = from_instances(decoded, sessions.labels, signature=signature)
        assert again.features.tolist() == encoded.features.tolist()
        first = next(sessions.instances())
        assert {name: type(value) for name, value in decoded[0].items()} == {
            name: type(value) for name, value in first.items()
        }

    def test_gives_an_unknown_category_a_name_that_stays_unknown(self, signature):
        row = np.zeros(17, dtype=np.float32)
        row[10] = 12
        again = from_instances([decode_row(row, signature)], np.array([0]), signature=signature)
        assert again.features[0, 10] == 12


class TestTake:
    def test_takes_rows_with_their_labels(self):
        rows = Dataset(np.arange(4, dtype=np.float32)[:, None], np.array([0, 1, 0, 1], np.int8))
        taken = rows.take(np.array([3, 0]))
        assert (taken.features.tolist(), taken.labels.tolist()) == ([[3.0], [0.0]], [1, 0])
