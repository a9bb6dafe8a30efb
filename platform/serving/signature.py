"""What a model is given and what it answers, as one checked and immutable whole."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from serving.documents import DocumentError, Node
from serving.errors import InvalidSignatureError
from serving.features import DType, Feature, FeatureKind, InputTensor, Output, UnknownCategory
from serving.signature_document import (
    SCHEMA_VERSION,
    feature_document,
    input_document,
    output_document,
    read_parts,
)
from serving.signature_rules import check_features, check_inputs, check_outputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "DType",
    "Feature",
    "FeatureKind",
    "InputTensor",
    "Output",
    "Signature",
    "UnknownCategory",
]


@dataclass(frozen=True)
class Signature:
    """What a model is given and what it answers; checked when made, never changed.

    Empty outputs mean "as the model says": conversion fills them in.

    Raises:
        InvalidSignatureError: with a pointer into the document form.
    """

    features: tuple[Feature, ...]
    inputs: tuple[InputTensor, ...]
    outputs: tuple[Output, ...] = ()
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        check_features(self.features)
        check_inputs(self.features, self.inputs)
        check_outputs(self.outputs)
        object.__setattr__(self, "_hash", hash((self.features, self.inputs, self.outputs)))

    def __hash__(self) -> int:
        return self._hash  # each call finds its encoder by it, and hashing 28 features takes 20 us

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @cached_property
    def by_name(self) -> Mapping[str, Feature]:
        return {feature.name: feature for feature in self.features}

    @cached_property
    def cells(self) -> int:
        """How many numbers one row becomes."""
        return sum(feature.size for feature in self.features)

    def with_outputs(self, outputs: Iterable[Output]) -> Signature:
        return replace(self, outputs=tuple(outputs))

    @classmethod
    def for_matrix(
        cls, width: int, *, outputs: tuple[Output, ...] = (Output("output"),)
    ) -> Signature:
        """The signature of a model that came without one: x0, x1, …, each a number."""
        features = tuple(Feature(f"x{i}") for i in range(width))
        names = tuple(feature.name for feature in features)
        return cls(features, (InputTensor("inputs", DType.FLOAT32, (width,), names),), outputs)

    @classmethod
    def from_document(cls, document: object) -> Signature:
        """Read the JSON form. Without `inputs`, one float32 row holds all features.

        Raises:
            InvalidSignatureError: with a pointer to the member that is wrong.
        """
        try:
            return cls(*read_parts(Node(document)))
        except DocumentError as error:
            raise InvalidSignatureError(error.pointer, error.detail) from None

    def to_document(self) -> dict[str, object]:
        """The JSON form; from_document reads it back to an equal signature."""
        return {
            "schema_version": SCHEMA_VERSION,
            "features": [feature_document(feature) for feature in self.features],
            "inputs": [input_document(tensor) for tensor in self.inputs],
            "outputs": [output_document(output) for output in self.outputs],
        }
