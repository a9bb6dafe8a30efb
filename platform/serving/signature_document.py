"""The JSON form of a signature, read strictly and written canonically."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.features import (
    MAX_CATEGORY_LENGTH,
    MAX_CELLS,
    MAX_FEATURES,
    MAX_NAME_LENGTH,
    MAX_RANK,
    MAX_TENSORS,
    MAX_VOCABULARY,
    DType,
    Feature,
    FeatureKind,
    InputTensor,
    Output,
    UnknownCategory,
)

if TYPE_CHECKING:
    from serving.documents import Node

    Parts = tuple[tuple[Feature, ...], tuple[InputTensor, ...], tuple[Output, ...]]

SCHEMA_VERSION = 1


def read_parts(document: Node) -> Parts:
    """Features, inputs and outputs; without `inputs`, one float32 row holds all features."""
    members = document.members(
        required=("features",), optional=("schema_version", "inputs", "outputs")
    )
    if "schema_version" in members:
        members["schema_version"].integer(at_least=SCHEMA_VERSION, at_most=SCHEMA_VERSION)
    features = tuple(
        _read_feature(node) for node in members["features"].elements(at_most=MAX_FEATURES)
    )
    outputs: tuple[Output, ...] = ()
    if "outputs" in members:
        outputs = tuple(
            _read_output(node) for node in members["outputs"].elements(at_most=MAX_TENSORS)
        )
    if "inputs" in members:
        nodes = members["inputs"].elements(at_most=MAX_TENSORS)
        return features, tuple(_read_input(node) for node in nodes), outputs
    return features, (one_row(features),), outputs


def one_row(features: tuple[Feature, ...]) -> InputTensor:
    """All features in one float32 tensor."""
    names = tuple(feature.name for feature in features)
    return InputTensor("inputs", DType.FLOAT32, (sum(feature.size for feature in features),), names)


def _read_feature(node: Node) -> Feature:
    members = node.members(
        required=("name", "kind"),
        optional=("unit", "minimum", "maximum", "vocabulary", "unknown", "shape"),
    )
    return Feature(
        name=_name(members["name"]),
        kind=members["kind"].choice(FeatureKind),
        unit=members["unit"].text(at_most=MAX_NAME_LENGTH) if "unit" in members else "",
        minimum=_bound(members.get("minimum")),
        maximum=_bound(members.get("maximum")),
        vocabulary=_vocabulary(members.get("vocabulary")),
        unknown=_unknown(members.get("unknown")),
        shape=_shape(members.get("shape")),
    )


def _name(node: Node) -> str:
    return node.text(at_least=1, at_most=MAX_NAME_LENGTH)


def _bound(node: Node | None) -> float | None:
    return None if node is None or node.value is None else node.finite()


def _unknown(node: Node | None) -> UnknownCategory:
    if node is None or node.value is None:
        return UnknownCategory.REJECT
    return node.choice(UnknownCategory)


def _vocabulary(node: Node | None) -> tuple[str, ...]:
    if node is None or node.value is None:
        return ()
    return tuple(
        category.text(at_most=MAX_CATEGORY_LENGTH)
        for category in node.elements(at_most=MAX_VOCABULARY)
    )


def _shape(node: Node | None) -> tuple[int, ...]:
    if node is None or node.value is None:
        return ()
    return tuple(
        axis.integer(at_least=1, at_most=MAX_CELLS) for axis in node.elements(at_most=MAX_RANK)
    )


def _read_input(node: Node) -> InputTensor:
    members = node.members(required=("name", "dtype", "shape", "features"))
    return InputTensor(
        name=_name(members["name"]),
        dtype=members["dtype"].choice(DType),
        shape=_shape(members["shape"]),
        features=tuple(_name(name) for name in members["features"].elements(at_most=MAX_FEATURES)),
    )


def _read_output(node: Node) -> Output:
    members = node.members(required=("name",), optional=("shape", "class_labels"))
    return Output(
        name=_name(members["name"]),
        shape=_shape(members["shape"]) if "shape" in members else (1,),
        class_labels=_vocabulary(members.get("class_labels")),
    )


def feature_document(feature: Feature) -> dict[str, object]:
    document: dict[str, object] = {"name": feature.name, "kind": feature.kind.value}
    if feature.unit:
        document["unit"] = feature.unit
    for name, bound in (("minimum", feature.minimum), ("maximum", feature.maximum)):
        if bound is not None:
            document[name] = int(bound) if feature.kind is FeatureKind.INTEGER else bound
    if feature.kind is FeatureKind.CATEGORY:
        document["vocabulary"] = list(feature.vocabulary)
        document["unknown"] = feature.unknown.value
    if feature.shape:
        document["shape"] = list(feature.shape)
    return document


def input_document(tensor: InputTensor) -> dict[str, object]:
    return {
        "name": tensor.name,
        "dtype": tensor.dtype.value,
        "shape": list(tensor.shape),
        "features": list(tensor.features),
    }


def output_document(output: Output) -> dict[str, object]:
    return {
        "name": output.name,
        "shape": list(output.shape),
        "class_labels": list(output.class_labels),
    }
