"""The signature, a CSV file that tests may spoil, and simulated rows already split."""

from __future__ import annotations

import csv

import pytest

from serving.signature import Signature
from training.dataset import from_instances
from training.purchase_intent import LABEL, signature_document
from training.simulator import simulate_sessions
from training.splitting import split

SEED = 5


@pytest.fixture(scope="session")
def signature():
    return Signature.from_document(signature_document())


@pytest.fixture
def rows_of_csv():
    """Twelve sessions as CSV cells with their label: a header and its rows, free to change."""
    return _cells(rows=12)


@pytest.fixture
def write_csv(tmp_path):
    """Write dicts to a CSV file and return its path."""
    return lambda rows, name="sessions.csv": _write(tmp_path / name, rows)


@pytest.fixture
def many_sessions(tmp_path):
    """A CSV file of 700 sessions."""
    return _write(tmp_path / "many.csv", _cells(rows=700))


@pytest.fixture(scope="session")
def simulated(signature):
    """8,000 sessions, encoded, and the probabilities that their labels were drawn with."""
    sessions = simulate_sessions(rows=8_000, seed=SEED)
    dataset = from_instances(sessions.instances(), sessions.labels, signature=signature)
    return dataset, sessions.probabilities


@pytest.fixture(scope="session")
def small_parts(simulated):
    """600 sessions, enough to train for a moment."""
    dataset, _ = simulated
    return split(dataset.take(slice(0, 600)), validation=0.2, holdout=0.2, seed=SEED)


def _cells(*, rows):
    sessions = simulate_sessions(rows=rows, seed=SEED)
    return [
        {name: _cell(value) for name, value in instance.items()} | {LABEL: _cell(bool(label))}
        for instance, label in zip(sessions.instances(), sessions.labels, strict=True)
    ]


def _write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _cell(value):
    return str(value).upper() if isinstance(value, bool) else str(value)
