"""The model card of a training run."""

from __future__ import annotations

from datetime import UTC, datetime

from training.metrics import Metrics, ReliabilityBin
from training.model_card import render_card
from training.report import PartSize, TrainingReport

REPORT = TrainingReport(
    model="purchase_intent",
    source="simulated sessions (seed 7)",
    data_digest="ab" * 32,
    trained_at=datetime(2025, 6, 1, 12, tzinfo=UTC),
    seed=7,
    parts={"training": PartSize(1400, 210), "holdout": PartSize(600, 90)},
    epochs=20,
    best_epoch=12,
    seconds=3.2,
    metrics={
        "network": Metrics(0.93, 0.73, 0.23, 0.07, 0.02, 4.9),
        "prior": Metrics(0.5, 0.15, 0.42, 0.13, 0.0, 1.0),
    },
    reliability=(ReliabilityBin(0.0, 0.1, 255, 0.031, 0.027),),
    unknown_categories={},
    versions={"keras": "3.15.1"},
)


class TestRenderCard:
    def test_has_the_sections_of_a_model_card(self):
        lines = render_card(REPORT).splitlines()

        assert lines[0] == "# purchase_intent"
        assert [line for line in lines if line.startswith("## ")] == [
            "## Intended use",
            "## Training data",
            "## Training",
            "## Figures",
            "## Limits",
        ]

    def test_says_which_rows_how_many_and_how_good(self):
        card = render_card(REPORT)

        assert "2,000 sessions, 15.0% with a purchase (1,400 training, 600 holdout)" in card
        assert f"`{'ab' * 32}`" in card
        assert "| network | 0.9300 | 0.7300 | 0.2300 | 0.0700 | 0.0200 | 4.9000 |" in card
        assert "keras 3.15.1" in card
