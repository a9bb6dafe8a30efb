"""The model card of a training run in Markdown: what it is for, how good, what it must not do.

Sections as in "Model Cards for Model Reporting" (Mitchell et al. 2019, arXiv 1810.03993).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.report import COLUMNS

if TYPE_CHECKING:
    from training.report import TrainingReport

USE = """\
The probability that a shopping session ends in a purchase, from what is known of the session so
far. Meant for deciding whom to show help or an offer, and for forecasts over many sessions. Not
meant for decisions about a person: it knows a session, not who is behind it.
"""
LIMITS = """\
- Trained on sessions of one shop: with another range of products, prices or season the
  probabilities are off before the order of sessions is. Watch calibration, not AUC alone.
- `PageValues` carries most of what it knows. Where that figure is missing or computed otherwise, do
  not use it.
- Categories that training had not seen are taken together as one.
- Region, browser and operating system say something about people's means. Compare the shares of
  positive decisions between regions before an offer depends on it.
"""


def render_card(report: TrainingReport) -> str:
    """The whole card; at most a few kilobytes."""
    parts = ", ".join(f"{part.rows:,} {name}" for name, part in report.parts.items())
    share = report.positives / report.rows
    libraries = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    lines = [
        f"# {report.model}",
        "",
        "## Intended use",
        "",
        USE,
        "## Training data",
        "",
        f"{report.source}: {report.rows:,} sessions, {share:.1%} with a purchase ({parts}).",
        f"SHA-256 of the rows: `{report.data_digest}`.",
        "",
        "## Training",
        "",
        f"Seed {report.seed}, {report.epochs} epochs in {report.seconds:.0f} s; {libraries}.",
        f"The weights are those of epoch {report.best_epoch}.",
        "",
        "## Figures",
        "",
        "On the holdout rows, which no predictor has seen:",
        "",
        *_table(report),
        "",
        "## Limits",
        "",
        LIMITS,
    ]
    return "\n".join(lines)


def _table(report: TrainingReport) -> list[str]:
    header = " | ".join(title for title, _ in COLUMNS)
    rows = [
        f"| {name} | " + " | ".join(f"{getattr(row, column):.4f}" for _, column in COLUMNS) + " |"
        for name, row in report.metrics.items()
    ]
    return [f"| predictor | {header} |", "|---" * (len(COLUMNS) + 1) + "|", *rows]
