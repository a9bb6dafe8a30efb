"""Tensors back to rows: what a caller would send, by name, to have the encoder make these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from serving.signature import FeatureKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from serving.signature import Feature, Signature

    Array = npt.NDArray[np.generic]

OTHER = "other value"
"""Sent for a category's code of everything that its vocabulary lacks."""


def decode(signature: Signature, tensors: Mapping[str, Array]) -> list[dict[str, Any]] | None:
    """Rows by feature name; encoded by the same signature they are these tensors again.

    Args:
        signature: says which columns are which features.
        tensors: by input, each (rows, *shape) as the signature says.

    Returns:
        None when the tensors are not of this signature.
    """
    if len({len(array) for array in tensors.values()}) != 1:
        return None
    columns: dict[str, list[Any]] = {}
    for tensor in signature.inputs:
        array = tensors.get(tensor.name)
        if array is None or array.shape[1:] != tensor.shape or not np.isfinite(array).all():
            return None
        matrix = array.reshape(len(array), -1)
        start = 0
        for name in tensor.features:
            feature = signature.by_name[name]
            cells = matrix[:, start : start + feature.size]
            columns[name] = [_value(feature, row) for row in cells]
            start += feature.size
    rows = zip(*(columns[name] for name in signature.feature_names), strict=True)
    return [dict(zip(signature.feature_names, row, strict=True)) for row in rows]


def _value(feature: Feature, cells: Array) -> Any:  # noqa: ANN401 - a JSON value
    values = [_cell(feature, cell) for cell in cells]
    return nested(values, feature.shape) if feature.shape else values[0]


def _cell(feature: Feature, cell: Any) -> object:  # noqa: ANN401 - a numpy scalar
    match feature.kind:
        case FeatureKind.CATEGORY:
            code = int(cell)
            return feature.vocabulary[code] if 0 <= code < len(feature.vocabulary) else OTHER
        case FeatureKind.BOOLEAN:
            return bool(cell)
        case FeatureKind.INTEGER:
            return int(cell)
        case _:
            return shortest(cell)


def shortest(number: Any) -> float:  # noqa: ANN401 - a numpy scalar
    """The double with the fewest digits that this is when it is rounded to its own type."""
    return float(str(number))


def nested(values: list[Any], shape: tuple[int, ...]) -> Any:  # noqa: ANN401 - lists of lists
    """A flat list as lists of this shape, row-major."""
    if len(shape) <= 1:
        return values
    step = len(values) // shape[0]
    return [nested(values[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]
