"""Reads a labelled CSV file strictly and as a stream: a bad row stops it and is named."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from serving.encoding import parse_csv_cell
from serving.errors import InstanceError, InvalidInstancesError
from serving.signature import Feature, FeatureKind
from training.dataset import CHUNK_ROWS, Dataset, encode_chunk
from training.errors import CsvHeaderError, CsvRowError, CsvUnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from serving.signature import Signature

MAX_ECHO = 40  # characters of a wrong value that an error repeats


def read_csv(path: Path, *, signature: Signature, label: str) -> Dataset:
    """Read every row of a CSV file with a header; no row is ever left out.

    Columns may stand in any order, but must be exactly the signature's features and the label.
    Cells are read by the rules of batch predictions (`serving.encoding`); a category must not
    be empty, and one that the vocabulary lacks becomes `other`, which the report counts.

    Args:
        path: UTF-8, with or without a byte order mark.
        signature: says which features.
        label: name of the column with the outcome, TRUE or FALSE.

    Raises:
        CsvUnreadableError: no such file, not UTF-8, or broken quoting.
        CsvHeaderError: a column is missing, unknown or named twice.
        CsvRowError: a row has another number of cells, or a cell that its column does not allow.
        TooFewRowsError: there are no rows.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return Dataset.from_blocks(_Table(path, file, signature, label).blocks())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CsvUnreadableError(f"{path} cannot be read as CSV: {error}.") from error


@dataclass(slots=True)
class _Chunk:
    """Rows read but not yet encoded, and where each ended in the file."""

    first_row: int
    instances: list[Mapping[str, Any]] = field(default_factory=list)
    labels: list[bool] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


class _Table:
    """An open file: knows which cell belongs to which feature, and where it stands."""

    def __init__(self, path: Path, lines: Iterable[str], signature: Signature, label: str) -> None:
        self._path = path
        self._signature = signature
        self._label = Feature(label, FeatureKind.BOOLEAN)
        self._reader = csv.reader(lines, strict=True)
        header = next(self._reader, [])
        _check_header(path, header, {*signature.feature_names, label})
        self._columns = [signature.by_name.get(name, self._label) for name in header]

    def blocks(self) -> Iterator[Dataset]:
        for chunk in self._chunks():
            try:
                yield encode_chunk(self._signature, chunk.instances, chunk.labels)
            except InvalidInstancesError as error:
                raise self._located(error.errors[0], chunk) from None

    def _chunks(self) -> Iterator[_Chunk]:
        chunk = _Chunk(first_row=1)
        for row, cells in enumerate(self._reader, start=1):
            values = self._parse(row, cells)
            chunk.labels.append(values.pop(self._label.name))
            chunk.instances.append(values)
            chunk.lines.append(self._reader.line_num)
            if len(chunk.instances) == CHUNK_ROWS:
                yield chunk
                chunk = _Chunk(first_row=row + 1)
        if chunk.instances:
            yield chunk

    def _parse(self, row: int, cells: list[str]) -> dict[str, Any]:
        if len(cells) != len(self._columns):
            raise self._error(f"{len(cells)} cells, not {len(self._columns)}", row)
        values: dict[str, Any] = {}
        for feature, text in zip(self._columns, cells, strict=True):
            value = parse_csv_cell(feature, text)
            if isinstance(value, InstanceError) or value == "":
                detail = value.detail if isinstance(value, InstanceError) else "must not be empty"
                raise self._error(_but_is(detail, text), row, column=feature.name)
            values[feature.name] = value
        return values

    def _located(self, error: InstanceError, chunk: _Chunk) -> CsvRowError:
        """Say where in the file the row stands that serving refused."""
        index = error.row or 0
        value = chunk.instances[index].get(error.feature or "")
        return self._error(
            _but_is(error.detail, str(value)),
            chunk.first_row + index,
            line=chunk.lines[index],
            column=error.feature,
        )

    def _error(
        self, reason: str, row: int, *, column: str | None = None, line: int | None = None
    ) -> CsvRowError:
        line = self._reader.line_num if line is None else line
        return CsvRowError(reason, path=self._path, row=row, line=line, column=column)


def _but_is(detail: str, text: str) -> str:
    shown = text if len(text) <= MAX_ECHO else f"{text[:MAX_ECHO]}…"
    return f"{detail.removesuffix('.')}, but is {shown!r}"


def _check_header(path: Path, header: list[str], expected: set[str]) -> None:
    if missing := sorted(expected - set(header)):
        raise CsvHeaderError(f"{path} lacks the column {', '.join(missing)}.")
    if unknown := sorted(set(header) - expected):
        raise CsvHeaderError(f"{path} has the unknown column {', '.join(unknown)}.")
    if len(header) != len(expected):
        raise CsvHeaderError(f"{path} names a column twice.")
