"""The parts of a signature: a feature of a row, a tensor that goes in, a tensor that comes out."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum

MAX_FEATURES = 4_096
MAX_CELLS = 1_048_576  # numbers in one row, all tensors together
MAX_VOCABULARY = 10_000  # categories of one feature
MAX_TENSORS = 64  # inputs, and as many outputs
MAX_RANK = 8  # axes of a tensor, without the batch
MAX_NAME_LENGTH = 128  # characters
MAX_CATEGORY_LENGTH = 1_024  # characters
TENSOR_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""A Python identifier: TensorFlow makes a keyword argument of it."""


class FeatureKind(StrEnum):
    """What one cell of a row may be."""

    NUMBER = "number"
    INTEGER = "integer"
    CATEGORY = "category"
    BOOLEAN = "boolean"


class UnknownCategory(StrEnum):
    """What becomes of a category that the vocabulary lacks."""

    REJECT = "reject"
    OTHER = "other"


class DType(StrEnum):
    """The tensor types that rows are encoded to."""

    FLOAT32 = "float32"
    FLOAT64 = "float64"
    INT32 = "int32"
    INT64 = "int64"


FLOATS = frozenset({DType.FLOAT32, DType.FLOAT64})
RANGED = frozenset({FeatureKind.NUMBER, FeatureKind.INTEGER})


@dataclass(frozen=True, slots=True)
class Feature:
    """One named value of a row.

    Attributes:
        unit: for people, e.g. "seconds"; "" when it has none.
        minimum, maximum: inclusive; None is no bound. Numbers and integers only.
        vocabulary: the categories, in the order of their codes 0, 1, ….
        unknown: reject a category not in the vocabulary, or encode it as len(vocabulary).
        shape: () for one value; (28, 28) for a nested list of 28 lists of 28 values.
    """

    name: str
    kind: FeatureKind = FeatureKind.NUMBER
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    vocabulary: tuple[str, ...] = ()
    unknown: UnknownCategory = UnknownCategory.REJECT
    shape: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """How many cells it fills."""
        return math.prod(self.shape)

    @property
    def codes(self) -> int:
        """How many different codes a category is encoded to, `other` included."""
        return len(self.vocabulary) + (self.unknown is UnknownCategory.OTHER)


@dataclass(frozen=True, slots=True)
class InputTensor:
    """One tensor that the model is called with.

    Attributes:
        name: of the Keras input; free when the model has one input only.
        shape: without the batch axis; its product is the number of cells of its features.
        features: names, in the order of the cells.
    """

    name: str
    dtype: DType
    shape: tuple[int, ...]
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """One tensor that the model answers with.

    Attributes:
        shape: without the batch axis.
        class_labels: one for each number of the last axis; or two for a single
            probability, the labels of 0 and of 1.
    """

    name: str
    shape: tuple[int, ...] = (1,)
    class_labels: tuple[str, ...] = ()
