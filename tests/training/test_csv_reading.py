"""A good file is read whole; a bad one is refused with file, row, line, column and value."""

from __future__ import annotations

import re

import numpy as np
import pytest

from serving.encoding import encode
from training import csv_reading, dataset
from training.csv_reading import read_csv
from training.dataset import count_unknown
from training.errors import (
    CsvHeaderError,
    CsvRowError,
    CsvUnreadableError,
    TooFewRowsError,
    TrainingError,
)
from training.purchase_intent import LABEL
from training.simulator import simulate_sessions


def read(path, signature):
    return read_csv(path, signature=signature, label=LABEL)


class TestGoodFile:
    def test_gives_what_serving_would_encode(self, signature, write_csv, rows_of_csv):
        read_back = read(write_csv(rows_of_csv), signature)

        sessions = simulate_sessions(rows=12, seed=5)
        expected = encode(signature, list(sessions.instances()), max_instances=12)["features"]
        assert read_back.features.dtype == np.float32
        assert read_back.features.tolist() == expected.tolist()
        assert read_back.labels.tolist() == sessions.labels.tolist()

    def test_may_have_its_columns_in_any_order(self, signature, write_csv, rows_of_csv):
        reordered = [dict(reversed(row.items())) for row in rows_of_csv]
        straight = read(write_csv(rows_of_csv), signature)
        turned = read(write_csv(reordered, "turned.csv"), signature)
        assert turned.features.tolist() == straight.features.tolist()
        assert turned.labels.tolist() == straight.labels.tolist()

    def test_may_begin_with_a_byte_order_mark(self, signature, write_csv, rows_of_csv):
        path = write_csv(rows_of_csv)
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        assert len(read(path, signature)) == 12

    def test_is_read_in_chunks_without_losing_a_row(
        self, signature, write_csv, rows_of_csv, monkeypatch
    ):
        whole = read(write_csv(rows_of_csv), signature)
        for module in (csv_reading, dataset):
            monkeypatch.setattr(module, "CHUNK_ROWS", 5)
        chunked = read(write_csv(rows_of_csv), signature)
        assert chunked.features.tolist() == whole.features.tolist()
        assert chunked.labels.tolist() == whole.labels.tolist()

    def test_counts_categories_that_the_vocabulary_lacks(self, signature, write_csv, rows_of_csv):
        for row in rows_of_csv[:3]:
            row["Month"] = "Sept"
        rows_of_csv[5]["Browser"] = "77"
        read_back = read(write_csv(rows_of_csv), signature)
        assert len(read_back) == 12
        assert count_unknown(read_back, signature) == {"Month": 3, "Browser": 1}


@pytest.fixture
def spoil(write_csv, rows_of_csv):
    """Write the file with one cell changed."""

    def write(row, column, text):
        rows_of_csv[row - 1][column] = text
        return write_csv(rows_of_csv)

    return write


class TestBadCell:
    @pytest.mark.parametrize(
        ("column", "text", "reason"),
        [
            ("Administrative", "3.5", "'Administrative' must be an integer, but is '3.5'"),
            ("Administrative", "-1", "must lie between 0 and"),
            ("ProductRelated", "1_000", "must be an integer, but is '1_000'"),
            ("ProductRelated", "٣", "must be an integer"),
            ("PageValues", "nan", "'PageValues' must be a number, but is 'nan'"),
            ("PageValues", "inf", "must be a number"),
            ("PageValues", "1e39", "must lie between 0 and"),
            ("PageValues", " 7", "must be a number, but is ' 7'"),
            ("PageValues", "", "'PageValues' is empty, but is ''"),
            ("ExitRates", "1.01", "must lie between 0 and 1, but is '1.01'"),
            ("Month", "", "must not be empty, but is ''"),
            ("Weekend", "yes", "must be a boolean, but is 'yes'"),
            ("Revenue", "1", "'Revenue' must be a boolean, but is '1'"),
            ("Revenue", "", "'Revenue' is empty"),
        ],
    )
    def test_is_named_with_file_row_line_column_and_value(
        self, signature, spoil, column, text, reason
    ):
        path = spoil(8, column, text)

        with pytest.raises(CsvRowError, match=re.escape(reason)) as refused:
            read(path, signature)

        assert str(refused.value).startswith(f"{path}, row 8 (line 9), column {column}: ")
        assert (refused.value.row, refused.value.line) == (8, 9)
        assert (refused.value.column, refused.value.code) == (column, "csv_row")

    def test_is_named_rightly_in_a_later_chunk(self, signature, spoil, monkeypatch):
        for module in (csv_reading, dataset):
            monkeypatch.setattr(module, "CHUNK_ROWS", 5)
        with pytest.raises(CsvRowError, match=r"row 11 \(line 12\), column ExitRates"):
            read(spoil(11, "ExitRates", "2"), signature)

    def test_repeats_only_the_start_of_a_long_value(self, signature, spoil):
        with pytest.raises(CsvRowError) as refused:
            read(spoil(1, "PageValues", "9x" * 5_000), signature)
        assert len(str(refused.value)) < 400


class TestBadRow:
    @pytest.mark.parametrize(
        ("line", "cells"), [("1,2,3", 3), ("", 0), (",".join("1" * 19), 19)], ids=repr
    )
    def test_with_another_number_of_cells_is_named(
        self, signature, write_csv, rows_of_csv, line, cells
    ):
        path = write_csv(rows_of_csv)
        path.write_text(path.read_text() + line + "\n")
        with pytest.raises(CsvRowError, match=rf"row 13 \(line 14\): {cells} cells, not 18\."):
            read(path, signature)


class TestBadHeader:
    @pytest.mark.parametrize("column", ["Month", LABEL])
    def test_without_a_column_is_refused(self, signature, write_csv, rows_of_csv, column):
        for row in rows_of_csv:
            del row[column]
        with pytest.raises(CsvHeaderError, match=rf"lacks the column {column}\."):
            read(write_csv(rows_of_csv), signature)

    def test_with_an_unknown_column_is_refused(self, signature, write_csv, rows_of_csv):
        rows = [row | {"Colour": "red"} for row in rows_of_csv]
        with pytest.raises(CsvHeaderError, match=r"has the unknown column Colour\."):
            read(write_csv(rows), signature)

    def test_that_names_a_column_twice_is_refused(self, signature, write_csv, rows_of_csv):
        path = write_csv(rows_of_csv)
        doubled = [f"{line},{line.split(',')[0]}" for line in path.read_text().splitlines()]
        path.write_text("\n".join(doubled))
        with pytest.raises(CsvHeaderError, match="names a column twice"):
            read(path, signature)


class TestBadFile:
    def test_that_is_missing_is_refused(self, signature, tmp_path):
        with pytest.raises(CsvUnreadableError, match="No such file"):
            read(tmp_path / "missing.csv", signature)

    @pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'"unclosed'], ids=["not UTF-8", "quote"])
    def test_that_is_not_csv_is_refused(self, signature, tmp_path, content):
        path = tmp_path / "sessions.csv"
        path.write_bytes(content)
        with pytest.raises(CsvUnreadableError, match="cannot be read as CSV"):
            read(path, signature)

    def test_that_is_empty_lacks_its_header(self, signature, tmp_path):
        path = tmp_path / "sessions.csv"
        path.touch()
        with pytest.raises(CsvHeaderError, match="lacks the column Administrative, "):
            read(path, signature)

    def test_without_rows_is_refused(self, signature, write_csv, rows_of_csv):
        path = write_csv(rows_of_csv)
        path.write_text(path.read_text().splitlines()[0] + "\n")
        with pytest.raises(TooFewRowsError, match="no rows"):
            read(path, signature)

    def test_always_raises_one_family(self):
        assert all(
            issubclass(error, TrainingError)
            for error in (CsvHeaderError, CsvRowError, CsvUnreadableError, TooFewRowsError)
        )
