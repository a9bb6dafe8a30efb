"""What a training run did and how good its model is, for the registry and for the terminal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from training.metrics import Metrics, ReliabilityBin

SCHEMA_VERSION = 1
COLUMNS = (
    ("AUC", "auc"),
    ("PR-AUC", "pr_auc"),
    ("log loss", "log_loss"),
    ("Brier", "brier"),
    ("calib. err.", "calibration_error"),
    ("lift@10%", "lift_at_10"),
)
HISTOGRAM_WIDTH = 30  # characters


@dataclass(frozen=True, slots=True)
class PartSize:
    """How many rows a part has, and how many of them are positive."""

    rows: int
    positives: int


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """One training run.

    Attributes:
        model: name in the registry.
        source: where the rows came from, e.g. a file with its digest.
        data_digest: SHA-256 in hex, of the file, or of simulated rows as they are encoded.
        trained_at: when it was started, aware, UTC.
        seed: of splits, weights and descent.
        parts: training, validation and holdout, in this order.
        epochs: passes over the training rows.
        best_epoch: the one whose weights were kept, counted from 1.
        seconds: of wall clock, from the first row read to the last figure.
        metrics: of network, logistic and prior, on the holdout rows.
        reliability: of the network, on the holdout rows.
        unknown_categories: cells per feature that the vocabulary lacked, encoded as `other`.
        versions: of the libraries, by name.
    """

    model: str
    source: str
    data_digest: str
    trained_at: datetime
    seed: int
    parts: Mapping[str, PartSize]
    epochs: int
    best_epoch: int
    seconds: float
    metrics: Mapping[str, Metrics]
    reliability: tuple[ReliabilityBin, ...]
    unknown_categories: Mapping[str, int]
    versions: Mapping[str, str]

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts.values())

    @property
    def positives(self) -> int:
        return sum(part.positives for part in self.parts.values())

    def to_document(self) -> dict[str, Any]:
        """The report as JSON: numbers, text, lists and objects only."""
        return {
            "schema_version": SCHEMA_VERSION,
            "model": self.model,
            "source": self.source,
            "data_digest": self.data_digest,
            "trained_at": self.trained_at.isoformat(),
            "seed": self.seed,
            "rows": self.rows,
            "positives": self.positives,
            "parts": {name: asdict(part) for name, part in self.parts.items()},
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "seconds": round(self.seconds, 3),
            "metrics": {name: asdict(metrics) for name, metrics in self.metrics.items()},
            "reliability": [asdict(row) for row in self.reliability],
            "unknown_categories": dict(self.unknown_categories),
            "versions": dict(self.versions),
        }

    def render_text(self) -> str:
        """The report for a terminal, at most 100 columns wide."""
        parts = ", ".join(f"{part.rows:,} {name}" for name, part in self.parts.items())
        lines = [
            f"{self.model}, trained on {self.source}",
            f"{self.rows:,} sessions, {self.positives / self.rows:.1%} with a purchase: {parts}",
            f"{self.epochs} epochs in {self.seconds:.1f} s, best was {self.best_epoch}",
            *(
                f"{count:,} unknown values of {name} taken as other"
                for name, count in self.unknown_categories.items()
            ),
            "",
            "On the holdout rows:",
            render_metrics(self.metrics),
            "",
            "How often sessions ended in a purchase, by promised probability:",
            *(_render_bin(row) for row in self.reliability),
        ]
        return "\n".join(lines)


def render_metrics(metrics: Mapping[str, Metrics]) -> str:
    """A table with a line for each predictor."""
    header = "".join(f"{title:>13}" for title, _ in COLUMNS)
    lines = [
        f"{name:<10}" + "".join(f"{getattr(row, attribute):>13.4f}" for _, attribute in COLUMNS)
        for name, row in metrics.items()
    ]
    return "\n".join([f"{'':<10}{header}", *lines])


def _render_bin(row: ReliabilityBin) -> str:
    span = f"  {row.lower:.1f} to {row.upper:.1f} {row.rows:>8,} rows"
    if row.mean_probability is None or row.observed_rate is None:
        return span
    bar = "#" * round(row.observed_rate * HISTOGRAM_WIDTH)
    return (
        f"{span}  promised {row.mean_probability:.3f}, was {row.observed_rate:.3f} {bar}".rstrip()
    )
