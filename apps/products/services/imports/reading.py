"""Records of a CSV file (RFC 4180) from any of its bytes on, each with the line it begins on."""

from __future__ import annotations

import csv
import unicodedata
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from apps.products.errors.imports import FileNotAcceptedError, ImportTooLargeError
from apps.products.services.imports.columns import POINTER, Header, header_of
from apps.products.services.imports.limits import CELL_MAX, FILE_MAX, ROWS_MAX
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Iterator

BOM: Final = "\ufeff"
LINE_MAX: Final = 1024 * 1024  # bytes of one line of the file


class Record(NamedTuple):
    """One row of the file.

    Attributes:
        line: that it begins on, from 1.
        cells: as they stand there, in Unicode's NFC.
        end: bytes of the file up to its end.
        lines: lines of the file up to its end.
    """

    line: int
    cells: list[str]
    end: int
    lines: int


class Outline(NamedTuple):
    """What a file is as a whole."""

    header: Header
    rows: int


class _Lines:
    """Lines of text, as csv.reader wants them, and how far they go."""

    def __init__(self, file: BinaryIO, *, offset: int, line: int) -> None:
        self.offset, self.line = offset, line
        self._file = file
        file.seek(offset)

    def __iter__(self) -> Iterator[str]:
        while raw := self._file.readline(LINE_MAX):
            yield self._text(raw)

    def _text(self, raw: bytes) -> str:
        is_first = self.offset == 0
        self.offset += len(raw)
        self.line += 1
        if len(raw) == LINE_MAX:
            raise _refusal("line_too_long", f"Line {self.line} has more than {LINE_MAX} bytes.")
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            raise _refusal("not_utf8", f"Line {self.line} is not UTF-8.") from error
        if "\0" in text:
            raise _refusal("forbidden_character", f"Line {self.line} has a NUL in it.")
        return text.removeprefix(BOM) if is_first else text


def records_of(file: BinaryIO, *, offset: int = 0, line: int = 0) -> Iterator[Record]:
    """The rows behind `offset`, with the header as the first when that is 0; blank lines are none.

    Args:
        file: a seekable one.
        offset: bytes; where a row begins.
        line: lines before it.

    Raises:
        FileNotAcceptedError: not UTF-8, or its quotes do not close.
    """
    lines = _Lines(file, offset=offset, line=line)
    reader = csv.reader(lines, strict=True)
    begins = line + 1
    try:
        for cells in reader:
            if cells:
                _check_cells(cells, begins)
                normal = [unicodedata.normalize("NFC", cell) for cell in cells]
                yield Record(begins, normal, lines.offset, lines.line)
            begins = lines.line + 1
    except csv.Error as error:
        detail = f"The row that begins on line {begins} is no CSV: {error}."
        raise _refusal("malformed_csv", detail) from error


def _check_cells(cells: list[str], line: int) -> None:
    """By ourselves: the limit of the csv module is one of the process, which others set too."""
    if any(len(cell) > CELL_MAX for cell in cells):
        detail = f"The row that begins on line {line} has a cell of over {CELL_MAX} characters."
        raise _refusal("malformed_csv", detail)


def outline_of(file: BinaryIO, size: int) -> Outline:
    """Read all of a file once, so that what is wrong with it is said before any of it is done.

    Raises:
        FileNotAcceptedError: also without a header, or without a row.
        ImportTooLargeError.
    """
    if size > FILE_MAX:
        raise ImportTooLargeError(f"It has {size} bytes.", maximum_bytes=FILE_MAX)
    records = records_of(file)
    first = next(records, None)
    if first is None:
        raise _refusal("missing_header", "The file is empty.")
    header = header_of(first.cells)
    rows = 0
    for _ in records:
        rows += 1
        if rows > ROWS_MAX:
            raise ImportTooLargeError("It has more rows.", maximum_rows=ROWS_MAX)
    if not rows:
        raise _refusal("missing_rows", "There is no row below the header.")
    return Outline(header, rows)


def _refusal(code: str, detail: str) -> FileNotAcceptedError:
    return FileNotAcceptedError(detail, errors=(FieldError(code, detail, pointer=POINTER),))
