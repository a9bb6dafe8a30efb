from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.cells import parse_csv_cell
from serving.errors import InstanceError
from serving.signature import Feature, FeatureKind

NUMBER = Feature("n", FeatureKind.NUMBER)
INTEGER = Feature("i", FeatureKind.INTEGER)
BOOLEAN = Feature("b", FeatureKind.BOOLEAN)
CATEGORY = Feature("c", FeatureKind.CATEGORY, vocabulary=("New", ""))
IMAGE = Feature("image", shape=(2,))


class TestParseCsvCell:
    @pytest.mark.parametrize(
        ("feature", "text", "value"),
        [
            (NUMBER, "1", 1.0),
            (NUMBER, "-1.50", -1.5),
            (NUMBER, "+.5", 0.5),
            (NUMBER, "2.", 2.0),
            (NUMBER, "1e-05", 1e-05),
            (INTEGER, "007", 7),
            (INTEGER, "-3", -3),
            (BOOLEAN, "TRUE", True),
            (BOOLEAN, "False", False),
            (BOOLEAN, "true", True),
            (CATEGORY, "New", "New"),
            (CATEGORY, "", ""),
            (CATEGORY, "TRUE", "TRUE"),
        ],
    )
    def test_reads_the_kind(self, feature, text, value):
        parsed = parse_csv_cell(feature, text)
        assert (parsed, type(parsed)) == (value, type(value))

    @pytest.mark.parametrize(
        ("feature", "text", "code"),
        [
            (NUMBER, "", "missing_feature"),
            (NUMBER, "nan", "wrong_type"),
            (NUMBER, "inf", "wrong_type"),
            (NUMBER, "1_000", "wrong_type"),
            (NUMBER, "1,5", "wrong_type"),
            (NUMBER, " 1", "wrong_type"),
            (NUMBER, "0x10", "wrong_type"),
            (NUMBER, "\u0661", "wrong_type"),
            (NUMBER, "1" * 5_000, "wrong_type"),
            (NUMBER, "TRUE", "wrong_type"),
            (INTEGER, "3.0", "wrong_type"),
            (INTEGER, "1e3", "wrong_type"),
            (INTEGER, "9" * 5_000, "wrong_type"),
            (BOOLEAN, "1", "wrong_type"),
            (BOOLEAN, "yes", "wrong_type"),
            (BOOLEAN, "", "missing_feature"),
            (IMAGE, "1", "wrong_shape"),
        ],
    )
    def test_refuses_with_the_name_of_the_feature(self, feature, text, code):
        error = parse_csv_cell(feature, text)
        assert isinstance(error, InstanceError)
        assert (error.feature, error.code) == (feature.name, code)

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_reads_every_float_that_python_writes(self, value):
        assert parse_csv_cell(NUMBER, repr(value)) == value

    @given(st.sampled_from([NUMBER, INTEGER, BOOLEAN]), st.text(max_size=20))
    def test_never_breaks(self, feature, text):
        assert isinstance(parse_csv_cell(feature, text), float | int | bool | InstanceError)
