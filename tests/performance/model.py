"""Makes what every side of the bench uses: one network, its rows, the answers Keras gives for them.

Run as `python model.py FOLDER`, in a process of its own: it imports TensorFlow. Written are
`model.keras`, `model.tflite` and `golden.json` (rows and their reference answers).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 1234
FEATURES = 28
ROWS = 32  # the larger of the two payloads; the smaller is its first row
DECIMALS = 4  # of a number in the payload


def make_network(rows: NDArray[np.float32]) -> keras.Model:
    """28 -> Normalization -> 64 -> 32 -> 1; weights from the seed, not trained."""
    keras.utils.set_random_seed(SEED)
    normalise = keras.layers.Normalization()
    normalise.adapt(rows)
    return keras.Sequential(
        [
            keras.Input((FEATURES,)),
            normalise,
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


def write_flatbuffer(model: keras.Model, folder: Path) -> None:
    # By way of the SavedModel: from_concrete_functions silently loses the constants of Keras 3.
    model.export(folder / "saved", verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved"))
    (folder / "model.tflite").write_bytes(converter.convert())


def main(folder: Path) -> None:
    rows = np.random.default_rng(SEED).normal(0.0, 2.0, (ROWS, FEATURES)).round(DECIMALS)
    model = make_network(rows.astype(np.float32))
    model.save(folder / "model.keras")
    write_flatbuffer(model, folder)
    answers = model.predict(rows.astype(np.float32), verbose=0)
    golden = {"rows": rows.tolist(), "answers": answers.astype(float).tolist()}
    (folder / "golden.json").write_text(json.dumps(golden))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
