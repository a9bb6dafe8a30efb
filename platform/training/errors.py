"""What can go wrong while a model is trained, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class TrainingError(Exception):
    """Training cannot go on; `code` is stable, the message is for the person at the terminal."""

    code = "training_failed"


class CsvUnreadableError(TrainingError):
    """The file is missing, not UTF-8, or not CSV."""

    code = "csv_unreadable"


class CsvHeaderError(TrainingError):
    """The header names other columns than the signature and the label."""

    code = "csv_header"


class CsvRowError(TrainingError):
    """A row has too few or too many cells, or a cell that its column does not allow.

    Args:
        reason: what is wrong, naming the offending value; no full stop.
        path: the file.
        row: 1 for the first row under the header.
        line: line of the file on which the row ends, as an editor counts.
        column: name in the header, None when the row as a whole is wrong.
    """

    code = "csv_row"

    def __init__(
        self, reason: str, *, path: Path, row: int, line: int, column: str | None = None
    ) -> None:
        where = f"{path}, row {row} (line {line})" + (f", column {column}" if column else "")
        super().__init__(f"{where}: {reason}.")
        self.path, self.row, self.line, self.column = path, row, line, column


class TooFewRowsError(TrainingError):
    """A part of the split would lack buyers or non-buyers, so nothing could be measured on it."""

    code = "too_few_rows"


class InvalidOptionError(TrainingError):
    """An option is out of range, or excludes another that was given."""

    code = "invalid_option"
