"""The report as a document and as text."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from training.metrics import Metrics, ReliabilityBin
from training.report import PartSize, TrainingReport

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def report():
    return TrainingReport(
        model="purchase_intent",
        source="sessions.csv (SHA-256 abc)",
        data_digest="ab" * 32,
        trained_at=NOON,
        seed=7,
        parts={
            "training": PartSize(1400, 210),
            "validation": PartSize(300, 45),
            "holdout": PartSize(300, 45),
        },
        epochs=20,
        best_epoch=12,
        seconds=3.14159,
        metrics={
            "network": Metrics(0.93, 0.73, 0.23, 0.07, 0.02, 4.9),
            "prior": Metrics(0.5, 0.15, 0.42, 0.13, 0.0, 1.0),
        },
        reliability=(
            ReliabilityBin(0.0, 0.1, 255, 0.031, 0.027),
            ReliabilityBin(0.9, 1.0, 0, None, None),
        ),
        unknown_categories={"Month": 3},
        versions={"keras": "3"},
    )


class TestToDocument:
    def test_is_json_with_everything_the_registry_shows(self, report):
        document = json.loads(json.dumps(report.to_document(), allow_nan=False))
        assert document == {
            "schema_version": 1,
            "model": "purchase_intent",
            "source": "sessions.csv (SHA-256 abc)",
            "data_digest": "ab" * 32,
            "trained_at": "2025-06-01T12:00:00+00:00",
            "seed": 7,
            "rows": 2000,
            "positives": 300,
            "parts": {
                "training": {"rows": 1400, "positives": 210},
                "validation": {"rows": 300, "positives": 45},
                "holdout": {"rows": 300, "positives": 45},
            },
            "epochs": 20,
            "best_epoch": 12,
            "seconds": 3.142,
            "metrics": {
                "network": {
                    "auc": 0.93,
                    "pr_auc": 0.73,
                    "log_loss": 0.23,
                    "brier": 0.07,
                    "calibration_error": 0.02,
                    "lift_at_10": 4.9,
                },
                "prior": {
                    "auc": 0.5,
                    "pr_auc": 0.15,
                    "log_loss": 0.42,
                    "brier": 0.13,
                    "calibration_error": 0.0,
                    "lift_at_10": 1.0,
                },
            },
            "reliability": [
                {
                    "lower": 0.0,
                    "upper": 0.1,
                    "rows": 255,
                    "mean_probability": 0.031,
                    "observed_rate": 0.027,
                },
                {
                    "lower": 0.9,
                    "upper": 1.0,
                    "rows": 0,
                    "mean_probability": None,
                    "observed_rate": None,
                },
            ],
            "unknown_categories": {"Month": 3},
            "versions": {"keras": "3"},
        }


class TestRenderText:
    def test_shows_every_figure_within_a_terminals_width(self, report):
        lines = report.render_text().splitlines()
        assert lines[1] == (
            "2,000 sessions, 15.0% with a purchase: 1,400 training, 300 validation, 300 holdout"
        )
        assert lines[2:4] == [
            "20 epochs in 3.1 s, best was 12",
            "3 unknown values of Month taken as other",
        ]
        assert "network".ljust(10) + "       0.9300       0.7300" in report.render_text()
        assert lines[-2] == "  0.0 to 0.1      255 rows  promised 0.031, was 0.027 #"
        assert lines[-1] == "  0.9 to 1.0        0 rows"
        assert max(map(len, lines)) <= 100
