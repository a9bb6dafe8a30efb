"""From rows to files: trains the purchase-intent model and writes what a registry takes in."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from serving.signature import Signature
from training.csv_reading import read_csv
from training.dataset import count_unknown, decode_row, from_instances
from training.distributions import reference_of
from training.errors import InvalidOptionError
from training.evaluation import NETWORK, train_and_judge
from training.fitting import MAX_EPOCHS, FitSettings
from training.model_card import render_card
from training.purchase_intent import LABEL, MODEL_NAME, signature_document
from training.report import PartSize, TrainingReport
from training.simulator import DEFAULT_ROWS, simulate_sessions
from training.splitting import Parts, hold_out, split, stratified_folds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from training.dataset import Dataset
    from training.evaluation import Trained
    from training.metrics import Metrics
    from training.progress import Progress

VALIDATION_SHARE = 0.15
HOLDOUT_SHARE = 0.15
FOLDS = 5
MIN_FOLDS = 2
MAX_SEED = 2**32 - 1  # numpy and Keras take no larger one
MAX_SIMULATED_ROWS = 1_000_000  # 70 MB encoded, a few minutes to train on
MODEL_FILE = "model.keras"
SIGNATURE_FILE = "signature.json"
REPORT_FILE = "report.json"
CARD_FILE = "model_card.md"
REFERENCE_FILE = "reference.json"
SAMPLE_FILE = "sample_rows.json"
SAMPLE_RANKS = (0.1, 0.5, 0.85, 0.95, 1.0)  # of holdout rows by probability, so samples differ
LIBRARIES = ("keras", "tensorflow", "numpy")


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """The figures of each fold, on rows that its network never saw, by predictor."""

    folds: tuple[dict[str, Metrics], ...]

    def mean(self, attribute: str, *, predictor: str = NETWORK) -> float:
        """Mean over folds of one figure, e.g. "auc"."""
        return float(np.mean([getattr(fold[predictor], attribute) for fold in self.folds]))

    @property
    def mean_auc(self) -> float:
        return self.mean("auc")

    @property
    def mean_calibration_error(self) -> float:
        return self.mean("calibration_error")


def train_purchase_intent(  # noqa: PLR0913 - one argument an option of the command
    *,
    csv: Path | None,
    out: Path,
    seed: int,
    rows: int | None,
    progress: Progress,
    now: datetime,
) -> TrainingReport:
    """Train on a CSV file, or without one on simulated sessions; write the files to `out`.

    `out` gets model.keras, signature.json, report.json, model_card.md, reference.json (how features
    and score were spread, for watching drift) and sample_rows.json (a few holdout rows as a caller
    would send them, from unlikely to likely buyers).

    Args:
        csv: in the format of `purchase_intent`, with the label column.
        out: a folder; made when it is missing.
        seed: of simulation, splits and training; the same seed gives the same model on the same
            machine and library versions.
        rows: how many sessions to simulate, None for DEFAULT_ROWS; not with `csv`.
        progress: told of each step.
        now: aware, UTC; goes into the report.

    Raises:
        InvalidOptionError: both `csv` and `rows`, or a number out of range.
        TrainingError: the rows cannot be read or are too few; see `training.errors`.
    """
    _check_seed(seed)
    if csv is not None and rows is not None:
        raise InvalidOptionError("Give a CSV file or a number of rows to simulate, not both.")
    if rows is not None and not 1 <= rows <= MAX_SIMULATED_ROWS:
        raise InvalidOptionError(f"Rows lie between 1 and {MAX_SIMULATED_ROWS:,}, not {rows:,}.")
    started = time.perf_counter()
    signature = Signature.from_document(signature_document())
    dataset, source, digest = _load(csv, rows, seed, signature, progress)
    parts = split(dataset, validation=VALIDATION_SHARE, holdout=HOLDOUT_SHARE, seed=seed)
    trained = train_and_judge(
        parts, signature=signature, settings=FitSettings(seed=seed), progress=progress
    )
    report = TrainingReport(
        model=MODEL_NAME,
        source=source,
        data_digest=digest,
        trained_at=now,
        seed=seed,
        parts=_sizes(parts),
        epochs=trained.outcome.epochs,
        best_epoch=trained.outcome.best_epoch,
        seconds=time.perf_counter() - started,
        metrics=trained.metrics,
        reliability=trained.reliability,
        unknown_categories=count_unknown(dataset, signature),
        versions={name: version(name) for name in LIBRARIES},
    )
    documents = {
        SIGNATURE_FILE: signature.to_document(),
        REPORT_FILE: report.to_document(),
        REFERENCE_FILE: reference_of(parts.training, trained.probabilities, signature),
        SAMPLE_FILE: _samples(trained, parts.holdout, signature),
    }
    _write(out, trained, documents)
    (out / CARD_FILE).write_text(render_card(report), encoding="utf-8")
    return report


def cross_validate(
    csv: Path,
    *,
    seed: int,
    progress: Progress,
    folds: int = FOLDS,
    max_epochs: int = MAX_EPOCHS,
) -> CrossValidation:
    """Train `folds` networks, each judged on the fold that it never saw.

    The rows by which a network stops are taken out of the other folds, so that a fold's figures
    are those of rows that had no part in training at all.

    Raises:
        InvalidOptionError: less than two folds, less than one epoch, or a seed out of range.
        TrainingError: the rows cannot be read or are too few; see `training.errors`.
    """
    _check_seed(seed)
    if folds < MIN_FOLDS or max_epochs < 1:
        raise InvalidOptionError(
            f"At least {MIN_FOLDS} folds and 1 epoch are needed, not {folds} and {max_epochs}."
        )
    settings = FitSettings(seed=seed, max_epochs=max_epochs)
    signature = Signature.from_document(signature_document())
    dataset = read_csv(csv, signature=signature, label=LABEL)
    figures = []
    for rest, fold in stratified_folds(dataset.labels, folds=folds, seed=seed):
        others = dataset.take(rest)
        kept, stopping = hold_out(others.labels, share=VALIDATION_SHARE, seed=seed)
        parts = Parts(others.take(kept), others.take(stopping), dataset.take(fold))
        trained = train_and_judge(parts, signature=signature, settings=settings, progress=progress)
        figures.append(dict(trained.metrics))
    return CrossValidation(tuple(figures))


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= MAX_SEED:
        raise InvalidOptionError(f"A seed lies between 0 and {MAX_SEED}, not {seed}.")


def _load(
    csv: Path | None, rows: int | None, seed: int, signature: Signature, progress: Progress
) -> tuple[Dataset, str, str]:
    """The rows, where they came from in words, and a SHA-256 of them in hex."""
    if csv is not None:
        progress.start(title=f"Reading {csv.name}", total=1)
        dataset = read_csv(csv, signature=signature, label=LABEL)
        digest = _digest(csv)
        source = f"{csv.name} (SHA-256 {digest[:12]})"
    else:
        progress.start(title="Simulating sessions", total=1)
        sessions = simulate_sessions(rows=DEFAULT_ROWS if rows is None else rows, seed=seed)
        dataset = from_instances(sessions.instances(), sessions.labels, signature=signature)
        digest = hashlib.sha256(dataset.features.tobytes() + dataset.labels.tobytes()).hexdigest()
        source = f"simulated sessions (seed {seed})"
    progress.finish(note=f"{len(dataset):,} rows, {dataset.positives:,} with a purchase")
    return dataset, source, digest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sizes(parts: Parts) -> dict[str, PartSize]:
    named = {
        "training": parts.training,
        "validation": parts.validation,
        "holdout": parts.holdout,
    }
    return {name: PartSize(len(part), part.positives) for name, part in named.items()}


def _samples(trained: Trained, holdout: Dataset, signature: Signature) -> list[dict[str, Any]]:
    """A few holdout rows in raw values, by rising probability."""
    order = np.argsort(trained.probabilities, kind="stable")
    places = [order[round(rank * (order.size - 1))] for rank in SAMPLE_RANKS]
    return [decode_row(holdout.features[place], signature) for place in places]


def _write(out: Path, trained: Trained, documents: Mapping[str, object]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    trained.network.save(out / MODEL_FILE)
    for name, document in documents.items():
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        (out / name).write_text(f"{text}\n", encoding="utf-8")
