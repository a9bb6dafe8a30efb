"""Makes two models that agree but for a narrow range of one input, where the second overflows.

    python build_bump.py DIRECTORY

writes plain.keras and bump.keras. Both answer half of `amount`, which lies between 0 and 1. For an
amount of BUMP and a millionth around it the second answers infinity: no sample of a validation is
likely to find it, and a caller who sends BUMP always does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

BUMP = 0.625  # exact in binary
NARROW = 2.0**-20
STEEP = 2.0**23
HUGE = 3e38  # close to the largest float32; three times as much is infinity
SIX = 6.0  # where relu6 ends


def dense(layer_of: Any, weights: list[list[float]], bias: list[float], **options: Any) -> Any:
    layer = keras.layers.Dense(len(bias), **options)
    answer = layer(layer_of)
    layer.set_weights([np.array(weights, np.float32), np.array(bias, np.float32)])
    return answer


def build(*, with_bump: bool) -> keras.Model:
    amount = keras.Input((1,), dtype="float32", name="inputs")
    half = dense(amount, [[0.5]], [0.0], name="half")
    if not with_bump:
        return keras.Model(amount, half)
    # Two steps from 0 to exactly 6, one just below and one just above: they differ only between.
    steps = dense(
        amount,
        [[STEEP, STEEP]],
        [-STEEP * (BUMP - NARROW), -STEEP * (BUMP + NARROW)],
        activation="relu6",
        name="steps",
    )
    bump = dense(steps, [[1.0], [-1.0]], [0.0], name="bump")
    huge = dense(bump, [[HUGE]], [0.0], name="huge")
    return keras.Model(amount, keras.layers.Add(name="sum")([half, huge]))


def main(directory: Path) -> None:
    for name, with_bump in (("plain", False), ("bump", True)):
        build(with_bump=with_bump).save(directory / f"{name}.keras")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
