"""One cell at a time: what is wrong with it, in words; and how text of a CSV file is read."""

from __future__ import annotations

import math
import re
from itertools import islice
from typing import TYPE_CHECKING

from serving.documents import pointer_to
from serving.errors import MAX_INSTANCE_ERRORS, InstanceError
from serving.features import DType, Feature, FeatureKind, UnknownCategory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from serving.signature import Signature

FLOAT32_MAX = 3.4028234663852886e38
"""The largest finite float32; a larger number would become infinity."""
EXACT_INTEGER: dict[DType, tuple[float, float]] = {
    DType.FLOAT32: (-(2**24), 2**24),
    DType.FLOAT64: (1 - 2**53, 2**53 - 1),
    DType.INT32: (-(2**31), 2**31 - 1),
    DType.INT64: (1 - 2**53, 2**53 - 1),
}
"""The integers, inclusive, that a tensor holds unrounded; RFC 8259, section 6, ends at 2^53."""
TWO_TO_63 = 2.0**63
MAX_ECHO = 40  # characters of a wrong value repeated in an error
MAX_CELL_LENGTH = 1_100  # characters of a number in a CSV file; the longest exact double has 1,077
JSON_NAMES: dict[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
EXPECTED = {
    FeatureKind.NUMBER: "a number",
    FeatureKind.INTEGER: "an integer",
    FeatureKind.CATEGORY: "a string",
    FeatureKind.BOOLEAN: "a boolean",
}
CSV_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?")
CSV_INTEGER = re.compile(r"[+-]?[0-9]+")
CSV_BOOLEANS = {
    "TRUE": True,
    "True": True,
    "true": True,
    "FALSE": False,
    "False": False,
    "false": False,
}

# A category that an integer may stand for, in its shortest form: 2 is "2" and never "02".
NUMERIC_CATEGORY = re.compile(r"0|-?[1-9][0-9]{0,17}")
TYPES_OF: dict[FeatureKind, frozenset[type]] = {
    FeatureKind.NUMBER: frozenset({float, int}),
    FeatureKind.INTEGER: frozenset({int}),
    FeatureKind.CATEGORY: frozenset({str}),
    FeatureKind.BOOLEAN: frozenset({bool}),
}
NUMERIC_CATEGORY_TYPES = frozenset({str, int})
_LOOKED_AT = 10_000  # names of a row looked through for one that is unknown

Bounds = tuple[float, float]
Problem = tuple[str, str, str]


def numeric_categories(feature: Feature) -> dict[int, str]:
    """The categories that are integers in text, by the integer: callers may send either.

    Data sets number their categories (browser 2, region 7), and who reads them from a table has
    integers; a category "2" leaves no doubt what 2 means.
    """
    return {int(text): text for text in feature.vocabulary if NUMERIC_CATEGORY.fullmatch(text)}


def types_of(feature: Feature) -> frozenset[type]:
    """The Python types that a cell of the feature may have; bool is not int here."""
    if feature.kind is FeatureKind.CATEGORY and numeric_categories(feature):
        return NUMERIC_CATEGORY_TYPES
    return TYPES_OF[feature.kind]


def flatten(features: Sequence[Feature], values: Sequence[object]) -> list[object] | None:
    """The cells of nested features one after the other; None when a list has another length."""
    cells: list[object] = []
    for feature, value in zip(features, values, strict=True):
        if not _flatten(value, feature.shape, cells):
            return None
    return cells


def _flatten(value: object, shape: tuple[int, ...], cells: list[object]) -> bool:
    if not shape:
        cells.append(value)
        return True
    if type(value) is not list or len(value) != shape[0]:
        return False
    if len(shape) == 1:
        cells += value
        return True
    return all(_flatten(element, shape[1:], cells) for element in value)


def explain_row(
    signature: Signature, bounds: Mapping[str, Bounds], index: int, row: object, *, prefix: str
) -> list[InstanceError]:
    """What is wrong with one row, at most MAX_INSTANCE_ERRORS things; [] when nothing is.

    Args:
        signature: what the row should have been.
        bounds: by feature, the values allowed, inclusive.
        index: of the row, from 0.
        row: anything.
        prefix: pointer to the row in what the caller sent.
    """
    if type(row) is list:
        if len(row) != len(signature.features):
            detail = f"{len(signature.features)} values are expected, {len(row)} were sent."
            return [InstanceError(index, None, "wrong_width", detail, prefix)]
        steps: Sequence[str | int] = range(len(row))
        values: Sequence[object] = row
    elif type(row) is dict:
        names = _name_errors(signature, index, row, prefix)
        if names:
            return names[:MAX_INSTANCE_ERRORS]
        steps = signature.feature_names
        values = [row[name] for name in signature.feature_names]
    else:
        detail = f"A row is a list or an object, not {_name_of(row)}."
        return [InstanceError(index, None, "wrong_type", detail, prefix)]
    errors: list[InstanceError] = []
    for feature, step, value in zip(signature.features, steps, values, strict=True):
        problem = _first_problem(
            feature, bounds[feature.name], value, feature.shape, pointer_to(prefix, step)
        )
        if problem is not None:
            errors.append(InstanceError(index, feature.name, *problem))
        if len(errors) == MAX_INSTANCE_ERRORS:
            break
    return errors


def _name_errors(
    signature: Signature, index: int, row: dict[str, object], prefix: str
) -> list[InstanceError]:
    missing = [
        InstanceError(index, name, "missing_feature", f"{name!r} is missing.", prefix)
        for name in signature.feature_names
        if name not in row
    ]
    unknown = [
        InstanceError(
            index,
            name,
            "unknown_feature",
            f"The model has no feature {name!r}.",
            pointer_to(prefix, name),
        )
        for name in (_echo(key) for key in islice(row, _LOOKED_AT) if key not in signature.by_name)
    ]
    return [*missing, *unknown]


def _first_problem(
    feature: Feature, bounds: Bounds, value: object, shape: tuple[int, ...], pointer: str
) -> Problem | None:
    """The first thing wrong with a value of this shape: code, detail, pointer."""
    if not shape:
        wrong = _cell_problem(feature, bounds, value)
        return None if wrong is None else (*wrong, pointer)
    if type(value) is not list:
        detail = f"{feature.name!r} has a list here, not {_name_of(value)}."
        return "wrong_shape", detail, pointer
    if len(value) != shape[0]:
        detail = f"{feature.name!r} has {shape[0]} elements here, not {len(value)}."
        return "wrong_shape", detail, pointer
    for index, element in enumerate(value):
        problem = _first_problem(feature, bounds, element, shape[1:], pointer_to(pointer, index))
        if problem is not None:
            return problem
    return None


def _cell_problem(feature: Feature, bounds: Bounds, value: object) -> tuple[str, str] | None:
    """Code and detail of what is wrong with one cell."""
    if value is None:
        return "null", f"{feature.name!r} must not be null."
    if type(value) not in types_of(feature) and not _is_long_integer(feature, value):
        detail = f"{feature.name!r} must be {EXPECTED[feature.kind]}, not {_name_of(value)}."
        return "wrong_type", detail
    if feature.kind is FeatureKind.CATEGORY:
        return _category_problem(feature, value)
    assert isinstance(value, int | float)  # noqa: S101 - for mypy; TYPES_OF left nothing else
    return _number_problem(feature, bounds, value)


def _is_long_integer(feature: Feature, value: object) -> bool:
    """Whether a float may be what a parser made of an integer of more than 64 bits."""
    return feature.kind is FeatureKind.INTEGER and type(value) is float and abs(value) >= TWO_TO_63


def _category_problem(feature: Feature, value: object) -> tuple[str, str] | None:
    if feature.unknown is UnknownCategory.OTHER or value in feature.vocabulary:
        return None
    if isinstance(value, int) and value in numeric_categories(feature):
        return None
    shown = repr(_echo(value)) if isinstance(value, str) else "of that number"
    return "unknown_category", f"{feature.name!r} has no category {shown}."


def _number_problem(feature: Feature, bounds: Bounds, value: float) -> tuple[str, str] | None:
    try:
        number = float(value)
    except OverflowError:  # an integer beyond any float
        number = math.inf if value > 0 else -math.inf
    low, high = bounds
    if low <= number <= high:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return "not_finite", f"{feature.name!r} must be a finite number."
    detail = f"{feature.name!r} must lie between {low:.17g} and {high:.17g}."
    return "out_of_range", detail


def _name_of(value: object) -> str:
    return JSON_NAMES.get(type(value), "a value of that type")


def _echo(text: str) -> str:
    """The start of a caller's text, safe to print: lone surrogates become question marks."""
    return text[:MAX_ECHO].encode("utf-8", "replace").decode()


def parse_csv_cell(feature: Feature, text: str) -> float | int | bool | str | InstanceError:
    """Read the text of one CSV cell as the feature's kind; ranges are encode's business.

    Numbers are plain decimals with an optional exponent: no underscore, no NaN, no
    blanks around them. Booleans are TRUE and FALSE, also as True/true and False/false.
    """
    if feature.shape:
        return _unreadable(feature, "wrong_shape", "has a shape that a CSV cell cannot hold")
    if feature.kind is FeatureKind.CATEGORY:
        return text
    if not text:
        return _unreadable(feature, "missing_feature", "is empty")
    value = _number_or_boolean(feature.kind, text) if len(text) <= MAX_CELL_LENGTH else None
    if value is None:
        return _unreadable(feature, "wrong_type", f"must be {EXPECTED[feature.kind]}")
    return value


def _number_or_boolean(kind: FeatureKind, text: str) -> float | int | bool | None:
    if kind is FeatureKind.BOOLEAN:
        return CSV_BOOLEANS.get(text)
    if kind is FeatureKind.INTEGER:
        return int(text) if CSV_INTEGER.fullmatch(text) else None
    return float(text) if CSV_NUMBER.fullmatch(text) else None


def _unreadable(feature: Feature, code: str, problem: str) -> InstanceError:
    return InstanceError(
        None, feature.name, code, f"{feature.name!r} {problem}.", pointer_to("", feature.name)
    )
