"""The ordinary models by name, as build_ordinary.py leaves them on disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

VALIDATED = (
    "mlp", "cnn", "lstm", "bidirectional_gru", "embedding", "several_inputs", "several_outputs",
    "attention", "nested", "normalisation", "separable", "skip_connections", "mobilenet_like",
    "own_operations",
)  # fmt: skip
"""Taken through the whole pipeline."""
SHORT = ("cnn", "lstm", "several_inputs", "several_outputs", "attention", "normalisation")
"""Of these, what every run takes: one of each family, an embedding among the several inputs."""
GATED = (
    "twins", "autoencoder", "sequence_to_sequence", "regularised", "time_series", "wide_and_deep",
    "token_attention", "compiled",
)  # fmt: skip
"""Taken through the gates before Keras, which are what refuses too much if anything does."""


@dataclass(frozen=True)
class Ordinary:
    path: Path

    @cached_property
    def upload(self):
        return self.path.with_suffix(".keras").read_bytes()

    @cached_property
    def _arrays(self):
        with np.load(self.path.with_suffix(".npz")) as arrays:
            return {name: arrays[name] for name in arrays.files}

    def _of(self, kind):
        return {
            name.removeprefix(kind): array
            for name, array in self._arrays.items()
            if name.startswith(kind)
        }

    @property
    def inputs(self):
        return self._of("in:")

    @property
    def outputs(self):
        """What Keras answered to the inputs."""
        return self._of("out:")

    @property
    def parameters(self):
        return int(self._arrays["parameters"])
