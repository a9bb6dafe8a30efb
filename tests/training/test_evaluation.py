"""On sessions whose true probabilities are known, the network comes near the best there is."""

from __future__ import annotations

import numpy as np
import pytest

from training.dataset import Dataset
from training.evaluation import train_and_judge
from training.fitting import FitSettings
from training.metrics import log_loss, roc_auc
from training.network import predict
from training.progress import NullProgress
from training.splitting import Parts, hold_out

pytestmark = [
    pytest.mark.tensorflow,
    # Keras 3.15 calls np.array on TensorFlow's tensors, whose __array__ is of numpy 1.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def judged(simulated, signature):
    """A network trained on 4,760 sessions and judged on 2,400, and the best figures possible."""
    dataset, probabilities = simulated
    rest, held = hold_out(dataset.labels, share=0.3, seed=1)
    others = dataset.take(rest)
    kept, stopping = hold_out(others.labels, share=0.15, seed=1)
    parts = Parts(others.take(kept), others.take(stopping), dataset.take(held))
    trained = train_and_judge(
        parts, signature=signature, settings=FitSettings(seed=1), progress=NullProgress()
    )
    return trained, dataset.labels[held], probabilities[held]


class TestTrainAndJudge:
    def test_beats_the_logistic_baseline_and_that_beats_the_prior(self, judged):
        metrics = judged[0].metrics
        assert metrics["network"].auc > metrics["logistic"].auc + 0.005
        assert metrics["network"].pr_auc > metrics["logistic"].pr_auc
        losses = [metrics[name].log_loss for name in ("network", "logistic", "prior")]
        assert losses == sorted(losses)
        assert metrics["prior"].auc == 0.5

    def test_comes_near_the_true_probabilities(self, judged):
        trained, labels, truth = judged
        assert trained.metrics["network"].auc > roc_auc(labels, truth) - 0.03
        assert trained.metrics["network"].log_loss < log_loss(labels, truth) + 0.03
        assert np.abs(trained.probabilities - truth).mean() < 0.06

    def test_is_calibrated(self, judged):
        trained, labels, _ = judged
        assert trained.metrics["network"].calibration_error < 0.03
        assert trained.probabilities.mean() == pytest.approx(labels.mean(), abs=0.02)
        assert sum(row.rows for row in trained.reliability) == labels.size

    def test_learns_nothing_from_the_holdout_rows(self, small_parts, signature):
        def answers(holdout):
            trained = train_and_judge(
                Parts(small_parts.training, small_parts.validation, holdout),
                signature=signature,
                settings=FitSettings(max_epochs=1),
                progress=NullProgress(),
            )
            return predict(trained.network, small_parts.training.features).tolist()

        inflated = Dataset(small_parts.holdout.features * 3, small_parts.holdout.labels)
        inflated.features[:, 10:] = 0

        assert answers(inflated) == answers(small_parts.holdout)
