"""Rows to tensors: each cell checked by its Python type, categories and booleans to numbers."""

from __future__ import annotations

import math
import struct
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from serving.cells import (
    EXACT_INTEGER,
    FLOAT32_MAX,
    explain_row,
    flatten,
    numeric_categories,
    parse_csv_cell,
    types_of,
)
from serving.errors import (
    MAX_INSTANCE_ERRORS,
    InstanceError,
    InvalidInstancesError,
    TooManyInstancesError,
)
from serving.signature import DType, FeatureKind, UnknownCategory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from serving.signature import Feature, InputTensor, Signature

    Tensors = dict[str, npt.NDArray[np.generic]]
    Matrix = npt.NDArray[np.float64]

__all__ = [
    "Encoder",
    "bounds_of",
    "encode",
    "encode_rows",
    "encoder_of",
    "normalise_instances",
    "parse_csv_cell",
]

MAX_ENCODERS = 256  # signatures whose encoder is kept
ALL_LISTS: Final = {list}
MAX_KNOWN_TYPES = 512  # row shapes (types of the cells) remembered by one encoder


def encode(signature: Signature, instances: object, max_instances: int) -> Tensors:
    """Turn what a caller sent into the tensors that the model is called with.

    Args:
        signature: says which features, in which order, of which kind.
        instances: the forms of normalise_instances.
        max_instances: rows allowed in one call.

    Returns:
        For each input of the signature an array of shape (rows, *shape) and its dtype.

    Raises:
        InvalidInstancesError: nothing was encoded; names the rows and features.
        TooManyInstancesError: more than max_instances rows.
    """
    rows = normalise_instances(instances)
    if len(rows) > max_instances:
        raise TooManyInstancesError(given=len(rows), limit=max_instances)
    encoder = encoder_of(signature)
    matrix = encoder.matrix_of(rows)
    if matrix is None:
        raise InvalidInstancesError(encoder.explain(rows, single=rows is not instances))
    return encoder.tensors_of(matrix)


def encode_rows(
    signature: Signature, rows: Sequence[object]
) -> tuple[Tensors, list[int], list[InstanceError]]:
    """Encode the good rows of a chunk; a bad row costs only itself.

    Args:
        signature: as for encode.
        rows: each a list in order or an object by name.

    Returns:
        The tensors of the good rows, their indexes in `rows`, and at least one error
        for each other row. Without a good row the tensors have no rows.
    """
    encoder = encoder_of(signature)
    matrix = encoder.matrix_of(rows)
    if matrix is not None:
        return encoder.tensors_of(matrix), list(range(len(rows))), []
    good: list[int] = []
    cells: list[Matrix] = []
    errors: list[InstanceError] = []
    for index, row in enumerate(rows):
        single = encoder.matrix_of((row,))
        if single is None:
            errors += encoder.explain_row(index, row)
        else:
            good.append(index)
            cells.append(single)
    whole = np.concatenate(cells) if cells else np.empty((0, signature.cells))
    return encoder.tensors_of(whole), good, errors


def normalise_instances(features: object) -> list[object]:
    """Find the rows in what a caller sent; the first element decides which form it is.

    Args:
        features: a list of rows ([[…], …] or [{name: value}, …]); one row [value, …]; or
            one {name: value}. A row with a nested feature must stand in a list of rows.

    Returns:
        The list itself when it is a list of rows, else a new list with the one row.

    Raises:
        InvalidInstancesError: empty, or neither a list nor an object.
    """
    if type(features) is list:
        if not features:
            raise _unusable("empty", "At least one row is needed.")
        if type(features[0]) in {list, dict}:
            return features
        return [features]
    if type(features) is dict:
        if not features:
            raise _unusable("empty", "At least one feature is needed.")
        return [features]
    raise _unusable("wrong_type", "A list of rows, one row or an object by name is expected.")


def _unusable(code: str, detail: str) -> InvalidInstancesError:
    return InvalidInstancesError([InstanceError(None, None, code, detail)])


@lru_cache(maxsize=MAX_ENCODERS)
def encoder_of(signature: Signature) -> Encoder:
    """The encoder of a signature, compiled once."""
    return Encoder(signature)


class Encoder:
    """A signature compiled to tables: a quick yes, and a slow, precise no.

    Rows become one float64 matrix (rows, cells), in which every integer that is let
    through is exact; ranges, NaN and overflow are then one comparison for all cells.
    """

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        names = signature.feature_names
        self._names = names
        self._width = len(names)
        self._values_of: Callable[[dict[str, object]], tuple[object, ...]] = (
            itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)
        )
        self._columns = [feature for feature in signature.features for _ in range(feature.size)]
        self._shaped = any(feature.shape for feature in signature.features)
        self._types = [types_of(feature) for feature in self._columns]
        self._known_types: set[tuple[type, ...]] = set()
        self._common_types = frozenset[type].intersection(*self._types)
        self._codes = [
            (column, _codes_of(feature), _other_of(feature))
            for column, feature in enumerate(self._columns)
            if feature.kind is FeatureKind.CATEGORY
        ]
        self._is_plain = not (self._codes or self._shaped)
        self._tensors = _tensor_plans(signature)
        dtypes = {name: tensor.dtype for tensor in signature.inputs for name in tensor.features}
        bounds = [bounds_of(feature, dtypes[feature.name]) for feature in self._columns]
        self._low = np.array([low for low, _ in bounds])
        self._high = np.array([high for _, high in bounds])
        self._bounds = dict(zip((f.name for f in self._columns), bounds, strict=True))

    def matrix_of(self, rows: Sequence[object]) -> Matrix | None:
        """The cells of all rows as float64, (rows, cells); None when any is wrong."""
        matrix = self._read_at_once(rows) if self._is_plain else None
        if matrix is None:
            matrix = self._read_by_row(rows)
        if matrix is None or not rows:
            return matrix
        inside = (matrix >= self._low) & (matrix <= self._high)  # NaN is inside nothing
        return matrix if inside.all() else None

    def _read_at_once(self, rows: Sequence[object]) -> Matrix | None:
        """Rows that are lists of what every column takes; None: look at them one by one."""
        if set(map(type, rows)) != ALL_LISTS:
            return None
        lists = cast("Sequence[list[object]]", rows)
        if set(map(len, lists)) != {self._width}:
            return None
        cells = list(chain.from_iterable(lists))
        if not self._common_types.issuperset(map(type, cells)):
            return None
        try:
            packed = struct.pack(f"{len(cells)}d", *cells)
        except OverflowError:  # an integer beyond any float
            return None
        return np.frombuffer(packed).reshape(len(rows), self._width)

    def _read_by_row(self, rows: Sequence[object]) -> Matrix | None:
        cells: list[Sequence[object]] = []
        for row in rows:
            values = self._cells_of(row)
            if values is None:
                return None
            cells.append(values)
        try:
            matrix: Matrix = np.array(cells, dtype=np.float64)
        except OverflowError:
            return None
        return matrix if cells else matrix.reshape(0, len(self._columns))

    def _cells_of(self, row: object) -> Sequence[object] | None:
        """One row as numbers in the order of the columns; None when a type is wrong."""
        values: Sequence[object]
        if type(row) is list and len(row) == self._width:
            values = row
        elif type(row) is dict and len(row) == self._width:
            try:
                values = self._values_of(row)
            except KeyError:
                return None
        else:
            return None
        if self._shaped:
            flat = flatten(self.signature.features, values)
            if flat is None:
                return None
            values = flat
        types = tuple(map(type, values))
        if types not in self._known_types and not self._learn(types):
            return None
        return self._with_codes(values) if self._codes else values

    def _learn(self, types: tuple[type, ...]) -> bool:
        if not all(map(frozenset.__contains__, self._types, types)):
            return False
        if len(self._known_types) < MAX_KNOWN_TYPES:
            self._known_types.add(types)
        return True

    def _with_codes(self, values: Sequence[object]) -> list[object] | None:
        coded = list(values)
        for column, codes, other in self._codes:
            code = codes.get(coded[column], other)
            if code is None:
                return None
            coded[column] = code
        return coded

    def tensors_of(self, matrix: Matrix) -> Tensors:
        """Cut the matrix into the inputs of the signature."""
        rows = len(matrix)
        return {
            name: (matrix if columns is None else matrix[:, columns])
            .astype(dtype)
            .reshape((rows, *shape))
            for name, dtype, shape, columns in self._tensors
        }

    def explain(self, rows: Sequence[object], *, single: bool) -> list[InstanceError]:
        """Why matrix_of said None, as far as MAX_INSTANCE_ERRORS go."""
        errors: list[InstanceError] = []
        for index, row in enumerate(rows):
            if len(errors) >= MAX_INSTANCE_ERRORS:
                break
            errors += explain_row(
                self.signature, self._bounds, index, row, prefix="" if single else f"/{index}"
            )
        return errors[:MAX_INSTANCE_ERRORS]

    def explain_row(self, index: int, row: object) -> list[InstanceError]:
        return explain_row(self.signature, self._bounds, index, row, prefix=f"/{index}")


def bounds_of(feature: Feature, dtype: DType) -> tuple[float, float]:
    """The values that a cell may take, inclusive: declared, and exact in its tensor.

    Integers stop where the tensor's type no longer holds each of them.
    """
    if feature.kind is FeatureKind.CATEGORY:
        return 0, feature.codes - 1
    if feature.kind is FeatureKind.BOOLEAN:
        return 0, 1
    low, high = EXACT_INTEGER[dtype]
    if feature.kind is FeatureKind.NUMBER:
        high = FLOAT32_MAX if dtype is DType.FLOAT32 else math.nextafter(math.inf, 0)
        low = -high
    declared_low = -math.inf if feature.minimum is None else feature.minimum
    declared_high = math.inf if feature.maximum is None else feature.maximum
    return max(low, declared_low), min(high, declared_high)


def _codes_of(feature: Feature) -> dict[object, int]:
    codes: dict[object, int] = {text: code for code, text in enumerate(feature.vocabulary)}
    codes |= {number: codes[text] for number, text in numeric_categories(feature).items()}
    return codes


def _other_of(feature: Feature) -> int | None:
    return len(feature.vocabulary) if feature.unknown is UnknownCategory.OTHER else None


def _tensor_plans(
    signature: Signature,
) -> list[tuple[str, np.dtype[np.generic], tuple[int, ...], list[int] | None]]:
    """For each input: name, dtype, shape, and its columns of the matrix (None: all of them)."""
    columns: dict[str, range] = {}
    start = 0
    for feature in signature.features:
        columns[feature.name] = range(start, start + feature.size)
        start += feature.size
    everything = list(range(start))
    plans = []
    for tensor in signature.inputs:
        taken = _columns_of(tensor, columns)
        dtype: np.dtype[np.generic] = np.dtype(tensor.dtype.value)
        plans.append((tensor.name, dtype, tensor.shape, None if taken == everything else taken))
    return plans


def _columns_of(tensor: InputTensor, columns: Mapping[str, range]) -> list[int]:
    return [column for name in tensor.features for column in columns[name]]
