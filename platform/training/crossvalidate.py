"""`python -m training.crossvalidate CSV`: is the model as good on real sessions as promised?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import TrainingError
from training.fitting import MAX_EPOCHS
from training.pipeline import FOLDS, cross_validate
from training.progress import StreamProgress
from training.report import render_metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.pipeline import CrossValidation

MIN_MEAN_AUC = 0.92
MAX_MEAN_CALIBRATION_ERROR = 0.03
FAILED, UNUSABLE = 1, 2  # exit codes


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table of the folds. 0: both bounds are kept; 1: one is not; 2: unusable input."""
    parser = argparse.ArgumentParser(prog="training.crossvalidate", description=__doc__)
    parser.add_argument("csv", type=Path, help="labelled sessions in the Online Shoppers format")
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-epochs", type=int, default=MAX_EPOCHS)
    options = parser.parse_args(arguments)
    try:
        result = cross_validate(
            options.csv,
            folds=options.folds,
            max_epochs=options.max_epochs,
            seed=options.seed,
            progress=StreamProgress(sys.stderr),
        )
    except TrainingError as error:
        sys.stderr.write(f"{error}\n")
        return UNUSABLE
    is_kept, text = judge(result)
    sys.stdout.write(f"{text}\n")
    return 0 if is_kept else FAILED


def judge(result: CrossValidation) -> tuple[bool, str]:
    """Whether both bounds are kept, and the figures in a table for each fold."""
    auc, calibration = result.mean_auc, result.mean_calibration_error
    is_kept = auc >= MIN_MEAN_AUC and calibration < MAX_MEAN_CALIBRATION_ERROR
    tables = [
        f"Fold {number}\n{render_metrics(fold)}\n"
        for number, fold in enumerate(result.folds, start=1)
    ]
    verdict = (
        f"Mean AUC {auc:.4f} (at least {MIN_MEAN_AUC}), mean calibration error {calibration:.4f} "
        f"(below {MAX_MEAN_CALIBRATION_ERROR}): {'kept' if is_kept else 'NOT kept'}"
    )
    return is_kept, "\n".join([*tables, verdict])


if __name__ == "__main__":
    sys.exit(main())
