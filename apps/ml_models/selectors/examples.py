"""A row that a signature takes, made from its kinds and ranges alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def example_row(signature: Mapping[str, Any]) -> dict[str, Any]:
    """One row by feature name, for the signature's JSON form."""
    return {
        feature["name"]: _nested(_example_of(feature), list(feature.get("shape", [])))
        for feature in signature["features"]
    }


def _example_of(feature: Mapping[str, Any]) -> object:
    match feature["kind"]:
        case "category":
            return feature["vocabulary"][0]
        case "boolean":
            return False
        case "integer":
            return int(_inside(feature))
        case _:
            return float(_inside(feature))


def _inside(feature: Mapping[str, Any]) -> float:
    """1 where the range allows it, else the end that is nearest to it."""
    low, high = feature.get("minimum"), feature.get("maximum")
    value = 1.0 if low is None else max(1.0, low)
    return value if high is None else min(value, high)


def _nested(value: object, shape: list[int]) -> object:
    if not shape:
        return value
    return [_nested(value, shape[1:]) for _ in range(shape[0])]
