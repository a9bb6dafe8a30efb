"""Makes the artefacts that the tests of ml_models serve, in a process of its own.

    python build_artefacts.py DIRECTORY

writes one directory a model with model.keras (the upload), and what validation makes of it. The
networks have one linear layer with round weights, so a test can say exactly what they answer.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from serving.validation.exchange import FILE_NAMES, SIGNATURE, UPLOAD
from tests.factories.artefacts import convert

FEATURES = [
    {"name": "amount", "kind": "number"},
    {"name": "visits", "kind": "integer", "minimum": 0, "maximum": 1000},
    {
        "name": "colour",
        "kind": "category",
        "vocabulary": ["red", "green", "=blue"],
        "unknown": "reject",
    },
    {"name": "member", "kind": "boolean"},
]
WEIGHTS = {
    # amount, visits, colour's code, member
    "linear": [10.0, 1.0, 0.5, 2.0],
    "steeper": [20.0, 1.0, 0.5, 2.0],
}
BOUNDED = [{**FEATURES[0], "minimum": -100.0, "maximum": 100.0}, *FEATURES[1:]]


def signature(outputs: list[str], features: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "features": features,
        "outputs": [{"name": name, "shape": [1]} for name in outputs],
    }


def dense(name: str, weights: list[float], columns: Any) -> Any:
    layer = keras.layers.Dense(1, use_bias=False, name=name)
    answer = layer(columns)
    layer.set_weights([np.array(weights, dtype=np.float32).reshape(-1, 1)])
    return answer


def build(name: str) -> tuple[keras.Model, dict[str, Any]]:
    columns = keras.Input((len(FEATURES),), dtype="float32", name="inputs")
    if name == "pair":
        outputs = {
            "total": dense("total", WEIGHTS["linear"], columns),
            "double": dense("double", [2 * weight for weight in WEIGHTS["linear"]], columns),
        }
        return keras.Model(columns, outputs), signature(["total", "double"], BOUNDED)
    return (
        keras.Model(columns, dense("score", WEIGHTS[name], columns)),
        signature(["score"], FEATURES),
    )


def main(directory: Path) -> None:
    for name in (*WEIGHTS, "pair"):
        work = directory / name
        work.mkdir(parents=True)
        model, document = build(name)
        model.save(work / UPLOAD)
        (work / SIGNATURE).write_text(json.dumps(document))
        (work / "manifest.json").write_text(json.dumps(convert(work)))
        assert all((work / name).exists() for name in FILE_NAMES.values())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
