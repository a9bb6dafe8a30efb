"""The two files a chunk becomes: its predictions and its errors, as JSON Lines or CSV."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

import orjson

from apps.ml_models.models import BatchPrediction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt
    from numpy import generic

    from serving.errors import InstanceError
    from serving.signature import Output, Signature

CSV_FORMAT = BatchPrediction.OutputFormat.CSV
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
ERROR_COLUMNS = ("row", "line", "feature", "code", "detail")


def render_results(
    output_format: str,
    signature: Signature,
    rows: Sequence[int],
    outputs: Mapping[str, npt.NDArray[generic]],
) -> bytes:
    """One line a row, with the row's index in the whole input.

    JSON Lines: {"row": 17, "prediction": [0.25]}; with several outputs the prediction is an object
    of lists, as in an answer of /predict. CSV: the index, then each number of each output.

    Args:
        output_format: of BatchPrediction.OutputFormat.
        signature: names and shapes of the outputs.
        rows: indexes, ascending.
        outputs: by name, (rows, *shape).
    """
    if not rows:
        return b""
    if output_format == CSV_FORMAT:
        return _csv_results(signature, rows, outputs)
    names = [output.name for output in signature.outputs]
    single = outputs[names[0]] if len(names) == 1 else None
    lines = []
    for position, row in enumerate(rows):
        prediction = (
            {name: outputs[name][position] for name in names}
            if single is None
            else single[position]
        )
        lines.append(orjson.dumps({"row": row, "prediction": prediction}, option=_JSON_LINE))
    return b"".join(lines)


_JSON_LINE = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE


def _csv_results(
    signature: Signature, rows: Sequence[int], outputs: Mapping[str, npt.NDArray[generic]]
) -> bytes:
    flat = [outputs[output.name].reshape(len(rows), -1) for output in signature.outputs]
    lines = []
    for position, row in enumerate(rows):
        # A JSON list of numbers without its brackets is the same digits as in JSON Lines.
        numbers = [
            orjson.dumps(columns[position], option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
            for columns in flat
        ]
        lines.append(b",".join((str(row).encode(), *numbers)) + b"\r\n")
    return b"".join(lines)


def render_errors(
    output_format: str, errors: Iterable[tuple[int, int | None, InstanceError]]
) -> bytes:
    """One line an error: the row's index, its line in the file, the feature, what is wrong.

    Args:
        output_format: of BatchPrediction.OutputFormat.
        errors: row, line (None when it is not known), error.
    """
    values = [(row, line, error.feature, error.code, error.detail) for row, line, error in errors]
    if output_format == CSV_FORMAT:
        return _csv_lines(values)
    return b"".join(
        orjson.dumps(dict(zip(ERROR_COLUMNS, line, strict=True)), option=_JSON_LINE)
        for line in values
    )


def results_header(output_format: str, signature: Signature) -> bytes:
    """What stands before the first part of the results: a CSV file's column names."""
    if output_format != CSV_FORMAT:
        return b""
    names = [name for output in signature.outputs for name in _columns_of(output)]
    return _csv_lines([("row", *names)])


def errors_header(output_format: str) -> bytes:
    return _csv_lines([ERROR_COLUMNS]) if output_format == CSV_FORMAT else b""


def _columns_of(output: Output) -> list[str]:
    size = math.prod(output.shape)
    if size == 1:
        return [output.name]
    if len(output.class_labels) == size:
        return [f"{output.name}_{label}" for label in output.class_labels]
    return [f"{output.name}_{index}" for index in range(size)]


def _csv_lines(lines: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([escape_cell(cell) for cell in line] for line in lines)
    return text.getvalue().encode()


def escape_cell(cell: object) -> object:
    """Text that a spreadsheet would run as a formula gets an apostrophe; numbers stay numbers.

    (OWASP, CSV Injection.)
    """
    if isinstance(cell, str) and cell.startswith(FORMULA_STARTS):
        return f"'{cell}"
    return cell
