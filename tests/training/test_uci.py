"""On the public data the model is as good as promised; needs the file, so it is opt-in."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from training.crossvalidate import MAX_MEAN_CALIBRATION_ERROR, MIN_MEAN_AUC, judge
from training.pipeline import cross_validate
from training.progress import NullProgress

pytestmark = [
    pytest.mark.uci,
    pytest.mark.tensorflow,
    pytest.mark.skipif(
        "UCI_CSV" not in os.environ,
        reason="UCI_CSV does not name the Online Shoppers file (CC BY 4.0, not in this repository)",
    ),
    # Keras 3.15 calls np.array on TensorFlow's tensors, whose __array__ is of numpy 1.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def test_five_folds_reach_the_promised_auc_and_calibration(capsys):
    result = cross_validate(Path(os.environ["UCI_CSV"]), seed=0, progress=NullProgress())

    with capsys.disabled():  # who asks for this test wants to see the figures
        sys.stdout.write(f"\n{judge(result)[1]}\n")
    assert len(result.folds) == 5
    assert result.mean_auc >= MIN_MEAN_AUC == 0.92
    assert result.mean_calibration_error < MAX_MEAN_CALIBRATION_ERROR == 0.03
    assert result.mean_auc > result.mean("auc", predictor="logistic")
