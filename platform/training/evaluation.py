"""Trains a network on two parts of the rows and judges it, beside its baselines, on the third."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras

from training.baselines import LogisticRegression, PriorRate
from training.features import Preparation
from training.fitting import fit_network
from training.metrics import measure, reliability
from training.network import Architecture, build_network, predict
from training.purchase_intent import HEAVY_TAILED, INPUT_NAME, OUTPUT_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from serving.signature import Signature
    from training.fitting import FitOutcome, FitSettings
    from training.metrics import Metrics, ReliabilityBin
    from training.progress import Progress
    from training.splitting import Parts

    Floats = npt.NDArray[np.float64]

NETWORK, LOGISTIC, PRIOR = "network", "logistic", "prior"


@dataclass(frozen=True, slots=True)
class Trained:
    """A network and how it did on rows that it never saw.

    Attributes:
        network: trained, takes raw encoded rows.
        outcome: of the descent.
        probabilities: the network's answers to the holdout rows, [rows].
        metrics: of network, logistic and prior on the holdout rows.
        reliability: of the network on the holdout rows.
    """

    network: keras.Model
    outcome: FitOutcome
    probabilities: Floats
    metrics: Mapping[str, Metrics]
    reliability: tuple[ReliabilityBin, ...]


def train_and_judge(
    parts: Parts,
    *,
    signature: Signature,
    settings: FitSettings,
    progress: Progress,
    architecture: Architecture | None = None,
) -> Trained:
    """Fit the network and both baselines on the same rows, then measure all three on others.

    Seeds Python's, numpy's and TensorFlow's generators, which are the process's own.
    """
    preparation = Preparation.fit(
        parts.training.features, signature=signature, heavy_tailed=HEAVY_TAILED
    )
    keras.utils.set_random_seed(settings.seed)
    network = build_network(
        preparation=preparation,
        base_rate=parts.training.positives / len(parts.training),
        input_name=INPUT_NAME,
        output_name=OUTPUT_NAME,
        architecture=architecture or Architecture(),
    )
    outcome = fit_network(
        network, preparation=preparation, parts=parts, settings=settings, progress=progress
    )
    probabilities = predict(network, parts.holdout.features)
    answers = {NETWORK: probabilities, **_baselines(parts, preparation)}
    labels = parts.holdout.labels
    return Trained(
        network=network,
        outcome=outcome,
        probabilities=probabilities,
        metrics={name: measure(labels, answer) for name, answer in answers.items()},
        reliability=reliability(labels, probabilities),
    )


def _baselines(parts: Parts, preparation: Preparation) -> dict[str, Floats]:
    """The baselines' answers to the holdout rows; they learn from the training part alone."""
    logistic = LogisticRegression.fit(
        preparation.design_matrix(parts.training.features), parts.training.labels
    )
    prior = PriorRate.fit(parts.training.labels)
    return {
        LOGISTIC: logistic.predict(preparation.design_matrix(parts.holdout.features)),
        PRIOR: prior.predict(len(parts.holdout)),
    }
