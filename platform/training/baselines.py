"""What a network must beat to be worth its trouble: the base rate and a logistic regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Labels = npt.NDArray[np.integer[Any]]

MAX_NEWTON_STEPS = 50
CONVERGED_AT = 1e-8  # largest change of a coefficient
RIDGE = 1.0  # strength of the L2 penalty, per data set, not per row


@dataclass(frozen=True, slots=True)
class PriorRate:
    """Answers every row with the share of positives seen in training."""

    rate: float

    @classmethod
    def fit(cls, labels: Labels) -> PriorRate:
        return cls(float(np.mean(labels, dtype=np.float64)))

    def predict(self, rows: int) -> Floats:
        return np.full(rows, self.rate)


@dataclass(frozen=True, slots=True)
class LogisticRegression:
    """p = sigmoid(b + w x): what can be had without a hidden layer."""

    bias: float
    weights: Floats

    @classmethod
    def fit(cls, design: Floats, labels: Labels, *, ridge: float = RIDGE) -> LogisticRegression:
        """Minimise cross-entropy plus ridge / 2 |w|^2 by Newton's method (iterated least squares).

        With p the current answers, the gradient is X'(p - y) + ridge w and the Hessian
        X' diag(p (1 - p)) X + ridge I; each step subtracts Hessian^-1 gradient. The bias is not
        penalised, so the mean answer equals the share of positives. The penalty keeps the
        solution finite when a column separates the classes, and unique though the one-hot
        columns of a category always sum to 1. (McCullagh and Nelder 1989, section 4.4.)

        Args:
            design: [n, d], standardised.
            labels: [n], 0 or 1, both present.
            ridge: > 0.
        """
        rows = np.hstack([np.ones((len(design), 1)), design])
        penalty = np.full(rows.shape[1], ridge)
        penalty[0] = 0.0
        truth = np.asarray(labels, dtype=np.float64)
        coefficients = np.zeros(rows.shape[1])
        coefficients[0] = np.log(truth.mean() / (1 - truth.mean()))
        for _ in range(MAX_NEWTON_STEPS):
            step = _newton_step(rows, truth, coefficients, penalty)
            coefficients -= step
            if np.abs(step).max() < CONVERGED_AT:
                break
        return cls(float(coefficients[0]), coefficients[1:])

    def predict(self, design: Floats) -> Floats:
        return sigmoid(design @ self.weights + self.bias)


def sigmoid(logits: npt.NDArray[np.floating[Any]]) -> Floats:
    """1 / (1 + exp(-z)), without overflow for large |z|."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)), dtype=np.float64)


def _newton_step(rows: Floats, truth: Floats, coefficients: Floats, penalty: Floats) -> Floats:
    answers = sigmoid(rows @ coefficients)
    gradient = rows.T @ (answers - truth) + penalty * coefficients
    curvature = (answers * (1 - answers))[:, None]
    hessian = rows.T @ (curvature * rows) + np.diag(penalty)
    return np.asarray(np.linalg.solve(hessian, gradient), dtype=np.float64)
