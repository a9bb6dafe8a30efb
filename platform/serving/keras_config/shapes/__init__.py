"""How large a layer's output and weights are, from its arguments alone."""

from __future__ import annotations

from serving.keras_config.shapes import plain, sequences, spatial
from serving.keras_config.shapes.operations import operation_shape
from serving.keras_config.shapes.reading import (
    Arguments,
    Row,
    Shape,
    Sized,
    elements,
    misfit,
    rows_in,
)

RULES = {**plain.RULES, **spatial.RULES, **sequences.RULES}

__all__ = (
    "RULES",
    "Arguments",
    "Row",
    "Shape",
    "Sized",
    "elements",
    "misfit",
    "operation_shape",
    "rows_in",
)
