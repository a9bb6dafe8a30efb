"""Gradient descent: finds the weights of a network that make its training labels likeliest.

What is minimised. For a session with outcome y (1 bought, 0 did not) and answer p, the
cross-entropy is

    L = -(y ln p + (1 - y) ln(1 - p)),

the surprise, in nats, at what happened; the loss is its mean over rows plus the L2 penalty of the
weights. It is smallest when p is the true probability, so a network that minimises it answers
with probabilities and not with mere scores. The mean squared error of the same answers,
mean((p - y)^2), has that property too and is reported as the Brier score; it is not what is
descended, because its slope through a sigmoid is (p - y) p (1 - p), nearly zero where
the network is confidently wrong. Cross-entropy's slope by the last sum z is simply p - y.

How. Backpropagation gives the gradient of the loss by every weight, averaged over a batch of rows.
Plain gradient descent would move each weight against it, w <- w - rate dL/dw. Adam (Kingma and Ba
2015) does so with a running mean m of the gradient and a running mean v of its square:
w <- w - rate m / (sqrt(v) + eps), so that weights of rare categories take steps of a useful size.
One pass over the rows is an epoch.

When it ends. With every epoch the network fits its training rows better, at last their accidents
too. The loss on validation rows, which no gradient sees, tells: when it has not fallen for
`patience` epochs, training stops and the weights of the best epoch are taken back.

What is not done. Rows are neither resampled nor weighted by class, though few sessions end in
a purchase. Either would train the network for a world with other odds: probabilities come out far
too high, the ranking gains nothing, and the same shift of attention is had for free by choosing
the threshold at which a caller acts (van den Goorbergh et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from training.network import answer_unseen_as_other

if TYPE_CHECKING:
    from training.dataset import Matrix
    from training.features import Preparation
    from training.progress import Progress
    from training.splitting import Parts

MAX_EPOCHS = 100  # real and simulated sessions take 25 to 60


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How long and how fast to descend, and from which seed."""

    seed: int = 0
    max_epochs: int = MAX_EPOCHS
    patience: int = 8  # epochs without a better validation loss
    batch_rows: int = 128
    learning_rate: float = 1e-3
    forgotten: float = 0.01  # share of a category's training cells replaced by `other`


@dataclass(frozen=True, slots=True)
class FitOutcome:
    """What the descent came to."""

    epochs: int
    best_epoch: int  # counted from 1
    validation_loss: float  # nats, penalty included, at the best epoch


def fit_network(
    network: keras.Model,
    *,
    preparation: Preparation,
    parts: Parts,
    settings: FitSettings,
    progress: Progress,
) -> FitOutcome:
    """Train in place on the training part; the holdout part is not looked at.

    On the same machine and library versions the same seed gives the same weights.
    """
    rng = np.random.default_rng(settings.seed)
    matrix = forget_categories(
        parts.training.features, preparation, share=settings.forgotten, rng=rng
    )
    network.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate),
        loss=keras.losses.BinaryCrossentropy(),
        jit_compile=False,  # compiling takes longer than training a network of this size
    )
    stopping = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=settings.patience, restore_best_weights=True
    )
    progress.start(title="Training", total=settings.max_epochs)
    history = network.fit(
        matrix,
        parts.training.labels.astype(np.float32),
        validation_data=(
            parts.validation.features,
            parts.validation.labels.astype(np.float32),
        ),
        batch_size=settings.batch_rows,
        epochs=settings.max_epochs,
        callbacks=[stopping, _Reporter(progress)],
        verbose=0,
    ).history["val_loss"]
    answer_unseen_as_other(network, preparation, parts.training.features)
    outcome = FitOutcome(len(history), int(np.argmin(history)) + 1, float(min(history)))
    progress.finish(
        note=f"{outcome.epochs} epochs, best was {outcome.best_epoch} "
        f"with validation loss {outcome.validation_loss:.4f}"
    )
    return outcome


def forget_categories(
    matrix: Matrix, preparation: Preparation, *, share: float, rng: np.random.Generator
) -> Matrix:
    """Copy the rows with a random share of each category's cells set to `other`.

    Full vocabularies leave no `other` in the data, so its weights would stay random; so trained,
    it means "a session of which this one thing is not known".
    """
    forgetful = matrix.copy()
    for group in preparation.categories:
        forgetful[rng.random(len(matrix)) < share, group.start] = group.width - 1
    return forgetful


class _Reporter(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Passes the end of each epoch on to a Progress."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        figures = logs or {}
        self._progress.advance(
            done=epoch + 1,
            note=f"loss {figures['loss']:.4f}, validation {figures['val_loss']:.4f}",
        )
