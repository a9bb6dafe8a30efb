"""Rows of an uploaded file, one at a time and with their places; memory stays flat.

The splitter and the workers walk files with the same code, so a chunk cut by byte offsets holds
exactly the rows that were counted.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from apps.ml_models.errors import InvalidFileError
from apps.ml_models.models import BatchPrediction
from apps.ml_models.services.batch.limits import COLUMNS_MAX, RECORD_MAX_BYTES
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving.signature import Signature

UTF8_BOM = b"\xef\xbb\xbf"
UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a file.

    Attributes:
        line: the line it begins on, from 1.
        start: its first byte in the file.
        end: the byte after its last, newline included.
        cells: of a CSV row, decoded with surrogates for bytes that are not UTF-8;
            None when its quoting is broken.
        text: of a JSON Lines row, undecoded.
    """

    line: int
    start: int
    end: int
    cells: list[str] | None = None
    text: bytes = b""


class Lines:
    """Lines of a binary file, decoded, with a count of the bytes and lines handed out."""

    def __init__(self, file: BinaryIO, *, offset: int, line: int, end: int | None = None) -> None:
        file.seek(offset)
        self._file = file
        self._end = end
        self.position = offset
        self.line = line  # the number of the next line
        self.record_start = offset

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        return self.read().decode("utf-8", "surrogateescape")

    def read(self) -> bytes:
        """The next line. Raises InvalidFileError when the row it belongs to is too long."""
        if self._end is not None and self.position >= self._end:
            raise StopIteration
        line = self._file.readline(RECORD_MAX_BYTES + 1)
        if not line:
            raise StopIteration
        self.position += len(line)
        if self.position - self.record_start > RECORD_MAX_BYTES:
            raise InvalidFileError(
                f"The row on line {self.line} is longer than {RECORD_MAX_BYTES} bytes; "
                "a quotation mark may be unclosed.",
                line=self.line,
            )
        self.line += 1
        return line


def records_of(
    file: BinaryIO, input_format: str, *, offset: int, line: int, end: int | None = None
) -> Iterator[Record]:
    """Walk the rows from a byte offset on, which is where a row begins. Blank lines are no rows.

    Args:
        file: seekable.
        input_format: of BatchPrediction.InputFormat.
        offset: where the first row begins; after the header of a CSV file.
        line: number of the line there.
        end: where the last row ends; None is the end of the file.

    Raises:
        InvalidFileError: a row is longer than RECORD_MAX_BYTES.
    """
    lines = Lines(file, offset=offset, line=line, end=end)
    if input_format == BatchPrediction.InputFormat.CSV:
        return _csv_records(lines)
    return _json_records(lines)


def _csv_records(lines: Lines) -> Iterator[Record]:
    csv.field_size_limit(RECORD_MAX_BYTES)
    reader = csv.reader(lines, strict=True)
    while True:
        line, lines.record_start = lines.line, lines.position
        cells: list[str] | None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = None
        if cells != []:
            yield Record(line, lines.record_start, lines.position, cells=cells)


def _json_records(lines: Lines) -> Iterator[Record]:
    while True:
        line, lines.record_start = lines.line, lines.position
        try:
            text = lines.read()
        except StopIteration:
            return
        if text.strip():
            yield Record(line, lines.record_start, lines.position, text=text)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file begins.

    Attributes:
        offset: first byte of the first row.
        line: number of the line there, from 1.
        columns: for each feature of the signature the column of a CSV row; () for JSON Lines.
        width: columns of a CSV row; 0 for JSON Lines.
    """

    offset: int
    line: int
    columns: tuple[int, ...] = ()
    width: int = 0


def layout_of(file: BinaryIO, input_format: str, signature: Signature) -> Layout:
    """Read the byte order mark and, of a CSV file, the header, which names each feature once.

    Raises:
        InvalidFileError: UTF-16, no header, a column missing, unknown or named twice, or a
            feature that a CSV cell cannot hold.
    """
    file.seek(0)
    start = file.read(len(UTF8_BOM))
    if start.startswith(UTF16_BOMS):
        raise _refusal("encoding", "The file must be UTF-8; this one is UTF-16.")
    offset = len(UTF8_BOM) if start == UTF8_BOM else 0
    if input_format != BatchPrediction.InputFormat.CSV:
        return Layout(offset, 1)
    header = next(records_of(file, input_format, offset=offset, line=1), None)
    if header is None:
        raise _refusal("no_header", "The file is empty; a header is expected.")
    columns = _columns(header.cells, signature)
    assert header.cells is not None  # noqa: S101 - for mypy; _columns refused it
    line = 1 + _lines_between(file, offset, header.end)
    return Layout(header.end, line, columns, len(header.cells))


def _lines_between(file: BinaryIO, start: int, end: int) -> int:
    file.seek(start)
    return max(1, file.read(end - start).count(b"\n"))


def _columns(header: list[str] | None, signature: Signature) -> tuple[int, ...]:
    """For each feature the column that holds it; every column belongs to one feature."""
    if header is None:
        raise _refusal("malformed_csv", "The header's quotation marks do not match.")
    if len(header) > COLUMNS_MAX:
        raise _refusal("too_many_columns", f"The header has more than {COLUMNS_MAX} columns.")
    shaped = [feature.name for feature in signature.features if feature.shape]
    if shaped:
        raise _refusal("wrong_shape", f"{shaped[0]!r} is a list: send JSON Lines instead.")
    names = [name.strip() for name in header]
    known = set(signature.feature_names)
    faults = [
        *(("missing_column", n, "is missing") for n in signature.feature_names if n not in names),
        *(("unknown_column", n, "is no feature") for n in dict.fromkeys(names) if n not in known),
        *(
            ("duplicate_column", n, "is named twice")
            for n in signature.feature_names
            if names.count(n) > 1
        ),
    ]
    if faults:
        raise InvalidFileError(
            "The header does not name exactly the model's features.",
            errors=tuple(
                FieldError(code, f"Column {_printable(name)} {what}.", pointer="#/file")
                for code, name, what in faults
            ),
        )
    return tuple(names.index(name) for name in signature.feature_names)


def _printable(name: str) -> str:
    return repr(name[:80].encode("utf-8", "replace").decode())


def _refusal(code: str, detail: str) -> InvalidFileError:
    return InvalidFileError(detail, errors=(FieldError(code, detail, pointer="#/file"),))
