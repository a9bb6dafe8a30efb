"""From rows to the files that a registry takes in."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime

import keras
import pytest

from serving.artefact import FileRole
from serving.encoding import encode
from serving.signature import Signature
from serving.validation import ValidationLimits, validate_artefact
from training.errors import CsvRowError, InvalidOptionError, TooFewRowsError
from training.network import predict
from training.pipeline import train_purchase_intent
from training.progress import NullProgress, StreamProgress

pytestmark = [
    pytest.mark.tensorflow,
    # Keras 3.15 calls np.array on TensorFlow's tensors, whose __array__ is of numpy 1.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def train(out, *, csv=None, rows=None, seed=3, progress=None):
    return train_purchase_intent(
        csv=csv, out=out, seed=seed, rows=rows, progress=progress or NullProgress(), now=NOON
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """One run on simulated sessions: its folder, its report and what it said meanwhile."""
    out = tmp_path_factory.mktemp("trained") / "purchase intent"
    said = io.StringIO()
    return out, train(out, rows=1_500, progress=StreamProgress(said)), said.getvalue()


class TestTrainPurchaseIntent:
    def test_writes_model_signature_report_card_reference_and_samples(self, trained, signature):
        out, report, _ = trained
        assert sorted(path.name for path in out.iterdir()) == [
            "model.keras",
            "model_card.md",
            "reference.json",
            "report.json",
            "sample_rows.json",
            "signature.json",
        ]
        assert json.loads((out / "report.json").read_text()) == report.to_document()
        document = json.loads((out / "signature.json").read_text())
        assert Signature.from_document(document) == signature

    def test_writes_how_features_and_score_were_spread(self, trained, signature):
        out, report, _ = trained
        reference = json.loads((out / "reference.json").read_text())
        assert list(reference["features"]) == list(signature.feature_names)
        for bins in reference["features"].values():
            assert sum(bins["counts"]) == report.parts["training"].rows
        assert sum(reference["score"]["counts"]) == report.parts["holdout"].rows
        assert (out / "model_card.md").read_text().startswith("# purchase_intent")

    def test_names_the_rows_by_their_digest(self, trained):
        _, report, _ = trained
        assert re.fullmatch(r"[0-9a-f]{64}", report.data_digest)

    def test_reports_what_it_did(self, trained):
        _, report, _ = trained
        assert report.source == "simulated sessions (seed 3)"
        assert (report.model, report.seed, report.trained_at) == ("purchase_intent", 3, NOON)
        assert {name: part.rows for name, part in report.parts.items()} == {
            "training": 1_050,
            "validation": 225,
            "holdout": 225,
        }
        assert set(report.metrics) == {"network", "logistic", "prior"}
        assert report.metrics["network"].auc > 0.75
        assert report.unknown_categories == {}
        assert set(report.versions) == {"keras", "tensorflow", "numpy"}

    def test_writes_samples_that_serving_takes_and_that_rise(self, trained, signature):
        out, _, _ = trained
        samples = json.loads((out / "sample_rows.json").read_text())
        network = keras.models.load_model(out / "model.keras", safe_mode=True)
        answers = predict(network, encode(signature, samples, max_instances=5)["features"])
        assert len(samples) == 5
        assert answers.tolist() == sorted(answers)
        assert answers[-1] > answers[0] + 0.2

    def test_writes_a_model_that_serving_accepts_and_runs_in_litert(self, trained, signature):
        out, _, _ = trained
        document = json.loads((out / "signature.json").read_text())
        result = validate_artefact(out / "model.keras", document, ValidationLimits())
        assert result.manifest.signature == signature
        assert result.report["engines"]["litert"]["ok"] is True
        assert FileRole.LITERT in result.files

    def test_says_what_it_is_doing(self, trained):
        _, report, said = trained
        lines = said.splitlines()
        assert lines[:2] == [
            "Simulating sessions ...",
            f"Simulating sessions: 1,500 rows, {report.positives} with a purchase",
        ]
        assert lines[2] == "Training ..."
        assert lines[-1].startswith(f"Training: {report.epochs} epochs")

    def test_refuses_a_file_and_a_number_of_rows(self, tmp_path):
        with pytest.raises(InvalidOptionError, match="not both"):
            train(tmp_path / "out", csv=tmp_path / "sessions.csv", rows=10)

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({"rows": 0}, "between 1 and 1,000,000, not 0"),
            ({"rows": 1_000_001}, "not 1,000,001"),
            ({"seed": -1}, "not -1"),
            ({"seed": 2**32}, "not 4294967296"),
        ],
    )
    def test_refuses_numbers_out_of_range(self, tmp_path, options, reason):
        with pytest.raises(InvalidOptionError, match=reason):
            train(tmp_path / "out", **options)
        assert not (tmp_path / "out").exists()

    def test_writes_nothing_when_a_row_is_bad(self, tmp_path, write_csv, rows_of_csv):
        rows_of_csv[2]["Weekend"] = "maybe"
        with pytest.raises(CsvRowError, match="row 3"):
            train(tmp_path / "out", csv=write_csv(rows_of_csv))
        assert not (tmp_path / "out").exists()

    def test_refuses_too_few_rows(self, tmp_path, write_csv, rows_of_csv):
        with pytest.raises(TooFewRowsError):
            train(tmp_path / "out", csv=write_csv(rows_of_csv))
        assert not (tmp_path / "out").exists()
