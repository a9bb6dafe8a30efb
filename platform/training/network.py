"""The Keras network: raw encoded columns in, one probability out, all preparation inside.

Made of standard layers and the two operations x[:, a:b] and log1p, without a Lambda or a class of
our own: the file loads in Keras's safe mode and converts to LiteRT's built-in operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import layers, ops

from training.features import Treatment

if TYPE_CHECKING:
    import numpy.typing as npt

    from training.dataset import Matrix
    from training.features import Preparation

FIRST_HIDDEN = "hidden_1"
PREDICT_ROWS = 4_096  # rows whose hidden layers are in memory at a time


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes of the hidden layers and what keeps them from learning rows by heart."""

    hidden: tuple[int, ...] = (64, 32)
    dropout: float = 0.3  # share of a hidden layer's outputs silenced in each training step
    l2: float = 1e-3  # added to the loss: l2 times the sum of squared weights


def build_network(
    *,
    preparation: Preparation,
    base_rate: float,
    input_name: str,
    output_name: str,
    architecture: Architecture,
) -> keras.Model:
    """An untrained network [n, columns] -> [n, 1], float32.

    Numbers are logged where their group asks for it and standardised; a category becomes a
    one-hot row; then come the hidden layers (ReLU) and one sigmoid:

        h1 = relu(W1 x + b1), h2 = relu(W2 h1 + b2), p = 1 / (1 + exp(-(w h2 + b)))

    Weights are drawn from Keras's seeded generator. The last bias starts at the log-odds of the
    base rate, so that training need not first learn how rare purchases are.

    Args:
        preparation: of the columns, fitted to training rows.
        base_rate: share of positives in training, inside (0, 1).
        input_name: the signature's name of the input.
        output_name: the signature's name of the output.
        architecture: sizes and regularisation.
    """
    columns = keras.Input((preparation.groups[-1].stop,), dtype="float32", name=input_name)
    hidden = _prepare(columns, preparation)
    penalty = keras.regularizers.L2(architecture.l2)
    for index, units in enumerate(architecture.hidden, start=1):
        hidden = layers.Dense(
            units, activation="relu", kernel_regularizer=penalty, name=f"hidden_{index}"
        )(hidden)
        hidden = layers.Dropout(architecture.dropout, name=f"dropout_{index}")(hidden)
    start = keras.initializers.Constant(float(np.log(base_rate / (1 - base_rate))))
    probability = layers.Dense(1, activation="sigmoid", bias_initializer=start, name=output_name)(
        hidden
    )
    return keras.Model(columns, probability, name="purchase_intent")


def answer_unseen_as_other(network: keras.Model, preparation: Preparation, matrix: Matrix) -> None:
    """Give categories that training never saw the weights of `other`, in place.

    Their own weights met no data: without this, the first session in January would be answered
    by what the random generator left there.

    Args:
        network: trained, made by `build_network`.
        preparation: as given to `build_network`.
        matrix: the encoded rows it was trained on.
    """
    layer = network.get_layer(FIRST_HIDDEN)
    kernel, bias = layer.get_weights()
    offset = preparation.mean.size
    for group in preparation.categories:
        seen = np.bincount(matrix[:, group.start].astype(np.int64), minlength=group.width)
        kernel[offset + np.flatnonzero(seen == 0)] = kernel[offset + group.width - 1]
        offset += group.width
    layer.set_weights([kernel, bias])


def predict(network: keras.Model, matrix: Matrix) -> npt.NDArray[np.float64]:
    """Probabilities of n encoded rows, [n], for judging; serving has a faster engine."""
    blocks = [
        network(matrix[start : start + PREDICT_ROWS], training=False)
        for start in range(0, len(matrix), PREDICT_ROWS)
    ]
    return np.concatenate([ops.convert_to_numpy(block) for block in blocks])[:, 0].astype(
        np.float64
    )


def _prepare(columns: keras.KerasTensor, preparation: Preparation) -> keras.KerasTensor:
    """The graph's twin of `Preparation.design_matrix`."""
    numbers, one_hots = [], []
    for group in preparation.groups:
        block = columns[:, group.start : group.stop]
        match group.treatment:
            case Treatment.LOGGED:
                numbers.append(ops.log1p(block))
            case Treatment.PLAIN:
                numbers.append(block)
            case Treatment.ONE_HOT:
                encoding = layers.CategoryEncoding(num_tokens=group.width, output_mode="one_hot")
                one_hots.append(encoding(block))
    standardised = layers.Normalization(
        mean=preparation.mean.tolist(),
        variance=(preparation.deviation**2).tolist(),
        name="standardise",
    )(layers.Concatenate(name="numbers")(numbers))
    return layers.Concatenate(name="prepared")([standardised, *one_hots])
