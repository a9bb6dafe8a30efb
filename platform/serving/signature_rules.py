"""What a signature must be like: each rule refuses with a pointer into the document form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NoReturn

from serving.errors import InvalidSignatureError
from serving.features import (
    FLOATS,
    MAX_CELLS,
    MAX_FEATURES,
    MAX_RANK,
    MAX_TENSORS,
    RANGED,
    TENSOR_NAME,
    FeatureKind,
    UnknownCategory,
)

if TYPE_CHECKING:
    from serving.features import Feature, InputTensor, Output

BINARY_LABELS = 2  # one probability may name both of its classes


def _refuse(pointer: str, detail: str) -> NoReturn:
    raise InvalidSignatureError(pointer, detail)


def check_features(features: tuple[Feature, ...]) -> None:
    if not 1 <= len(features) <= MAX_FEATURES:
        _refuse("/features", f"Between 1 and {MAX_FEATURES} features are expected.")
    seen: set[str] = set()
    for index, feature in enumerate(features):
        pointer = f"/features/{index}"
        if feature.name in seen:
            _refuse(f"{pointer}/name", f"The name {feature.name!r} is given twice.")
        seen.add(feature.name)
        _check_feature(pointer, feature)
    if sum(feature.size for feature in features) > MAX_CELLS:
        _refuse("/features", f"A row has more than {MAX_CELLS} cells.")


def _check_feature(pointer: str, feature: Feature) -> None:
    _check_bounds(pointer, feature)
    if (feature.kind is FeatureKind.CATEGORY) != bool(feature.vocabulary):
        _refuse(f"{pointer}/vocabulary", "A category has a vocabulary, another kind has none.")
    if len(set(feature.vocabulary)) != len(feature.vocabulary):
        _refuse(f"{pointer}/vocabulary", "A category is given twice.")
    if feature.unknown is UnknownCategory.OTHER and feature.kind is not FeatureKind.CATEGORY:
        _refuse(f"{pointer}/unknown", "Only a category has unknown values.")
    _check_shape(f"{pointer}/shape", feature.shape)


def _check_bounds(pointer: str, feature: Feature) -> None:
    for name, bound in (("minimum", feature.minimum), ("maximum", feature.maximum)):
        if bound is None:
            continue
        if feature.kind not in RANGED:
            _refuse(f"{pointer}/{name}", f"A {feature.kind} has no bounds.")
        if not math.isfinite(bound):
            _refuse(f"{pointer}/{name}", "A bound is a finite number.")
        if feature.kind is FeatureKind.INTEGER and bound != math.trunc(bound):
            _refuse(f"{pointer}/{name}", "A bound of an integer is an integer.")
    low, high = feature.minimum, feature.maximum
    if low is not None and high is not None and low > high:
        _refuse(f"{pointer}/maximum", "The maximum is below the minimum.")


def _check_shape(pointer: str, shape: tuple[int, ...]) -> None:
    if len(shape) > MAX_RANK:
        _refuse(pointer, f"At most {MAX_RANK} axes are allowed.")
    if any(length < 1 for length in shape):
        _refuse(pointer, "Each axis has a length of at least 1.")
    if math.prod(shape) > MAX_CELLS:
        _refuse(pointer, f"At most {MAX_CELLS} cells are allowed.")


def check_inputs(given: tuple[Feature, ...], inputs: tuple[InputTensor, ...]) -> None:
    if not 1 <= len(inputs) <= MAX_TENSORS:
        _refuse("/inputs", f"Between 1 and {MAX_TENSORS} inputs are expected.")
    _check_tensor_names("/inputs", [tensor.name for tensor in inputs])
    features = {feature.name: feature for feature in given}
    unused = set(features)
    for index, tensor in enumerate(inputs):
        pointer = f"/inputs/{index}"
        _check_shape(f"{pointer}/shape", tensor.shape)
        for position, name in enumerate(tensor.features):
            if name not in unused:
                _refuse(f"{pointer}/features/{position}", f"{name!r} is unknown or used twice.")
            unused.remove(name)
            if features[name].kind is FeatureKind.NUMBER and tensor.dtype not in FLOATS:
                _refuse(f"{pointer}/dtype", f"{name!r} is a number and {tensor.dtype} has none.")
        cells = sum(features[name].size for name in tensor.features)
        if cells != math.prod(tensor.shape):
            _refuse(f"{pointer}/shape", f"The features fill {cells} cells.")
    if unused:
        _refuse("/inputs", f"No input takes {min(unused)!r}.")


def check_outputs(outputs: tuple[Output, ...]) -> None:
    if len(outputs) > MAX_TENSORS:
        _refuse("/outputs", f"At most {MAX_TENSORS} outputs are allowed.")
    _check_tensor_names("/outputs", [output.name for output in outputs])
    for index, output in enumerate(outputs):
        _check_shape(f"/outputs/{index}/shape", output.shape)
        width = output.shape[-1] if output.shape else 1
        allowed = {0, width} | ({BINARY_LABELS} if math.prod(output.shape) == 1 else set())
        if len(output.class_labels) not in allowed:
            _refuse(f"/outputs/{index}/class_labels", f"The last axis has {width} numbers.")


def _check_tensor_names(pointer: str, names: list[str]) -> None:
    for index, name in enumerate(names):
        if not TENSOR_NAME.fullmatch(name):
            _refuse(f"{pointer}/{index}/name", f"A name matches {TENSOR_NAME.pattern}.")
        if name in names[:index]:
            _refuse(f"{pointer}/{index}/name", f"The name {name!r} is given twice.")
