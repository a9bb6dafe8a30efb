from __future__ import annotations

import itertools
import math
import timeit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.encoding import (
    MAX_KNOWN_TYPES,
    encode,
    encode_rows,
    encoder_of,
    normalise_instances,
)
from serving.errors import (
    MAX_INSTANCE_ERRORS,
    InstanceError,
    InvalidInstancesError,
    TooManyInstancesError,
)
from serving.signature import DType, Feature, FeatureKind, InputTensor, Signature

GOOD = [12.5, 3, "Mar", "New", True]
NAMES = ("duration", "pages", "month", "visitor", "weekend")
ENCODED = [12.5, 3.0, 1.0, 0.0, 1.0]
FLOAT32_MAX = float(np.finfo(np.float32).max)


def refused(signature, features, limit=100):
    with pytest.raises(InvalidInstancesError) as caught:
        encode(signature, features, limit)
    return caught.value.errors


class TestForms:
    @pytest.mark.parametrize(
        "features",
        [
            GOOD,
            [GOOD],
            dict(zip(NAMES, GOOD, strict=True)),
            [dict(zip(NAMES, GOOD, strict=True))],
            dict(sorted(zip(NAMES, GOOD, strict=True))),
        ],
        ids=["one row", "rows", "one object", "objects", "another order of names"],
    )
    def test_all_give_the_same_tensor(self, session_signature, features):
        tensors = encode(session_signature, features, 1)
        assert tensors["inputs"].dtype == np.float32
        assert tensors["inputs"].tolist() == [ENCODED]

    def test_keeps_the_order_of_rows(self, session_signature):
        rows = [[float(i), i, "Feb", "Returning", False] for i in range(5)]
        tensors = encode(session_signature, rows, 5)
        assert tensors["inputs"][:, 1].tolist() == [0, 1, 2, 3, 4]

    def test_lists_and_objects_may_stand_beside_each_other(self, session_signature):
        rows = [GOOD, dict(zip(NAMES, GOOD, strict=True))]
        assert encode(session_signature, rows, 2)["inputs"].tolist() == [ENCODED, ENCODED]

    @pytest.mark.parametrize(
        ("features", "code"),
        [
            ([], "empty"),
            ({}, "empty"),
            (None, "wrong_type"),
            ("abc", "wrong_type"),
            (5, "wrong_type"),
            (True, "wrong_type"),
            ((1, 2), "wrong_type"),
        ],
    )
    def test_refuses_what_has_no_rows(self, session_signature, features, code):
        assert refused(session_signature, features)[0] == InstanceError(
            None, None, code, refused(session_signature, features)[0].detail, ""
        )

    def test_normalise_returns_a_list_of_rows_itself(self):
        rows = [[1.0]]
        assert normalise_instances(rows) is rows
        assert normalise_instances([1.0, 2.0]) == [[1.0, 2.0]]
        assert normalise_instances({"a": 1}) == [{"a": 1}]

    def test_refuses_one_row_too_many_before_looking_at_cells(self, session_signature):
        with pytest.raises(TooManyInstancesError) as caught:
            encode(session_signature, [["rubbish"]] * 3, 2)
        assert (caught.value.given, caught.value.limit) == (3, 2)


BAD_CELLS = {
    "a boolean as a number": (0, True, "wrong_type"),
    "text as a number": (0, "1.5", "wrong_type"),
    "digits with an underscore": (0, "1_000", "wrong_type"),
    "the text nan": (0, "nan", "wrong_type"),
    "null as a number": (0, None, "null"),
    "a list as a number": (0, [1.0], "wrong_type"),
    "an object as a number": (0, {}, "wrong_type"),
    "NaN": (0, math.nan, "not_finite"),
    "infinity": (0, math.inf, "not_finite"),
    "minus infinity": (0, -math.inf, "not_finite"),
    "a number beyond float32": (0, 1e39, "out_of_range"),
    "an integer beyond any float": (0, 10**400, "out_of_range"),
    "an integer too long to print": (0, 10**5_000, "out_of_range"),
    "a negative integer beyond any float": (0, -(10**400), "out_of_range"),
    "a number below its minimum": (0, -0.001, "out_of_range"),
    "a float as an integer": (1, 3.0, "wrong_type"),
    "a boolean as an integer": (1, True, "wrong_type"),
    "a long integer that a parser made a float": (1, 2.0**63, "out_of_range"),
    "a float as an integer just below that": (1, 2.0**62, "wrong_type"),
    "an integer above its maximum": (1, 501, "out_of_range"),
    "an integer below its minimum": (1, -1, "out_of_range"),
    "a number as a category": (2, 1, "wrong_type"),
    "null as a category": (2, None, "null"),
    "a category that is not known": (3, "new", "unknown_category"),
    "an unhashable category": (3, ["New"], "wrong_type"),
    "a number as a boolean": (4, 1, "wrong_type"),
    "text as a boolean": (4, "true", "wrong_type"),
}


class TestCells:
    @pytest.mark.parametrize("case", BAD_CELLS)
    def test_a_wrong_cell_is_named_by_row_and_feature(self, session_signature, case):
        column, value, code = BAD_CELLS[case]
        row = [*GOOD]
        row[column] = value
        (error,) = refused(session_signature, [GOOD, row])
        assert (error.row, error.feature, error.code) == (1, NAMES[column], code)
        assert error.pointer == f"/1/{column}"

    @pytest.mark.parametrize("case", BAD_CELLS)
    def test_the_pointer_of_an_only_row_starts_at_the_row(self, session_signature, case):
        column, value, code = BAD_CELLS[case]
        row = dict(zip(NAMES, GOOD, strict=True)) | {NAMES[column]: value}
        (error,) = refused(session_signature, row)
        assert (error.row, error.code, error.pointer) == (0, code, f"/{NAMES[column]}")

    def test_a_mixed_row_does_not_turn_true_into_one(self):
        signature = Signature.for_matrix(3)
        (error,) = refused(signature, [1, 2.0, True])
        assert (error.feature, error.code) == ("x2", "wrong_type")

    def test_an_integer_is_a_number(self):
        assert encode(Signature.for_matrix(2), [1, 2.5], 1)["inputs"].tolist() == [[1.0, 2.5]]

    def test_an_unknown_category_is_encoded_as_other(self, session_signature):
        row = [*GOOD]
        row[2] = "December"
        assert encode(session_signature, row, 1)["inputs"][0, 2] == 2.0

    def test_the_largest_float32_is_let_through(self):
        signature = Signature.for_matrix(1)
        assert encode(signature, [FLOAT32_MAX], 1)["inputs"].tolist() == [[FLOAT32_MAX]]

    @pytest.mark.parametrize(
        ("dtype", "largest"),
        [
            (DType.FLOAT32, 2**24),
            (DType.INT32, 2**31 - 1),
            (DType.INT64, 2**53 - 1),
            (DType.FLOAT64, 2**53 - 1),
        ],
    )
    def test_an_integer_is_exact_in_its_tensor_or_refused(self, dtype, largest):
        signature = Signature(
            (Feature("n", FeatureKind.INTEGER),), (InputTensor("x", dtype, (1,), ("n",)),)
        )
        assert int(encode(signature, [largest], 1)["x"][0, 0]) == largest
        assert refused(signature, [largest + 1])[0].code == "out_of_range"
        assert refused(signature, [largest + 2])[0].code == "out_of_range"


class TestRows:
    def test_a_row_of_another_width(self, session_signature):
        (error,) = refused(session_signature, [GOOD, GOOD[:-1]])
        assert (error.row, error.feature, error.code) == (1, None, "wrong_width")
        assert error.detail == "5 values are expected, 4 were sent."

    def test_a_ragged_list(self, session_signature):
        assert refused(session_signature, [GOOD, []])[0].code == "wrong_width"

    def test_a_missing_and_an_unknown_name(self, session_signature):
        row = dict(zip(NAMES, GOOD, strict=True)) | {"moth": 1}
        del row["month"]
        missing, unknown = refused(session_signature, [row])
        assert (missing.feature, missing.code) == ("month", "missing_feature")
        assert (unknown.feature, unknown.code) == ("moth", "unknown_feature")
        assert unknown.pointer == "/0/moth"

    @pytest.mark.parametrize("row", [None, 5, "abc", True])
    def test_something_that_is_no_row(self, session_signature, row):
        (error,) = refused(session_signature, [GOOD, row])
        assert (error.row, error.feature, error.code) == (1, None, "wrong_type")

    def test_several_errors_are_told_at_once(self, session_signature):
        errors = refused(session_signature, [[None, 3.5, "Mar", "?", True], GOOD, [GOOD]])
        assert [(error.row, error.feature) for error in errors] == [
            (0, "duration"),
            (0, "pages"),
            (0, "visitor"),
            (2, None),
        ]

    def test_no_more_errors_are_told_than_the_cap(self, session_signature):
        assert len(refused(session_signature, [["x"] * 5] * 100)) == MAX_INSTANCE_ERRORS

    def test_a_long_value_is_not_repeated_whole(self, session_signature):
        row = [*GOOD]
        row[3] = "x" * 10_000
        assert len(refused(session_signature, row)[0].detail) < 100

    def test_a_lone_surrogate_is_not_repeated(self, session_signature):
        (error,) = [
            error
            for error in refused(session_signature, {"\ud800": 1})
            if error.code == "unknown_feature"
        ]
        error.detail.encode()
        error.pointer.encode()


class TestShapes:
    IMAGE = [[1, 2, 3], [4, 5, 6.5]]

    def test_a_nested_feature_keeps_its_shape(self, image_signature):
        tensors = encode(image_signature, [[self.IMAGE], {"image": self.IMAGE}], 2)
        assert tensors["inputs"].shape == (2, 2, 3)
        assert tensors["inputs"][1].tolist() == [[1, 2, 3], [4, 5, 6.5]]

    @pytest.mark.parametrize(
        ("image", "code", "pointer"),
        [
            ([[1, 2, 3]], "wrong_shape", "/image"),
            ([[1, 2, 3], [4, 5]], "wrong_shape", "/image/1"),
            ([[1, 2, 3], 4], "wrong_shape", "/image/1"),
            ([[1, 2, 3], [4, 5, True]], "wrong_type", "/image/1/2"),
            ([[1, 2, 3], [4, 5, [6]]], "wrong_type", "/image/1/2"),
            ([[1, 2, 3], [4, 256, 6]], "out_of_range", "/image/1/1"),
            (7, "wrong_shape", "/image"),
        ],
    )
    def test_the_pointer_leads_to_the_place(self, image_signature, image, code, pointer):
        (error,) = refused(image_signature, {"image": image})
        assert (error.feature, error.code, error.pointer) == ("image", code, pointer)


class TestSeveralInputs:
    def test_each_tensor_gets_its_features_in_its_order(self):
        signature = Signature.from_document(
            {
                "features": [
                    {"name": "a", "kind": "number"},
                    {"name": "m", "kind": "category", "vocabulary": ["x", "y"]},
                    {"name": "b", "kind": "integer"},
                ],
                "inputs": [
                    {"name": "floats", "dtype": "float32", "shape": [2], "features": ["b", "a"]},
                    {"name": "codes", "dtype": "int64", "shape": [1], "features": ["m"]},
                ],
            }
        )
        tensors = encode(signature, [[0.5, "y", 7], [1.5, "x", 8]], 2)
        assert tensors["floats"].tolist() == [[7, 0.5], [8, 1.5]]
        assert tensors["codes"].tolist() == [[1], [0]]
        assert tensors["codes"].dtype == np.int64


class TestEncodeRows:
    def test_a_bad_row_costs_only_itself(self, session_signature):
        rows = [GOOD, [1.0], GOOD, dict.fromkeys(NAMES), [*GOOD[:4], False]]
        tensors, good, errors = encode_rows(session_signature, rows)
        assert good == [0, 2, 4]
        assert tensors["inputs"].tolist() == [ENCODED, ENCODED, [*ENCODED[:4], 0.0]]
        assert {error.row for error in errors} == {1, 3}

    def test_no_good_row_gives_empty_tensors(self, session_signature):
        tensors, good, errors = encode_rows(session_signature, [None, 1])
        assert (tensors["inputs"].shape, good) == ((0, 5), [])
        assert [error.row for error in errors] == [0, 1]

    def test_a_bad_row_tells_no_more_than_the_cap(self):
        _, _, errors = encode_rows(Signature.for_matrix(100), [["x"] * 100, dict.fromkeys("ab", 1)])
        assert [error.row for error in errors] == [0] * 20 + [1] * 20

    def test_no_row_at_all(self, session_signature):
        tensors, good, errors = encode_rows(session_signature, [])
        assert (tensors["inputs"].shape, good, errors) == ((0, 5), [], [])


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["Feb", "New", "", "nan"]),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3)
    ),
    max_leaves=5,
)


class TestProperties:
    @given(column=st.integers(0, 4), value=json_values)
    def test_any_cell_is_encoded_exactly_or_refused_by_name(self, session_signature, column, value):
        row = [*GOOD]
        row[column] = value
        tensors, good, errors = encode_rows(session_signature, [GOOD, row])
        if errors:
            assert {(error.row, error.feature) for error in errors} == {(1, NAMES[column])}
            assert good == [0]
            return
        encoded = tensors["inputs"][1, column]
        assert np.isfinite(encoded)
        if column == 0:
            assert type(value) in {int, float}
            assert encoded == np.float32(value)
        elif column == 1:
            assert type(value) is int
            assert int(encoded) == value
        elif column == 2:
            assert encoded == {"Feb": 0, "Mar": 1}.get(value, 2)
        elif column == 3:
            assert ["New", "Returning"][int(encoded)] == value
        else:
            assert encoded == (1.0 if value is True else 0.0)
            assert type(value) is bool

    @given(features=json_values)
    def test_anything_else_is_refused_and_never_breaks(self, session_signature, features):
        with pytest.raises((InvalidInstancesError, TooManyInstancesError)):
            encode(session_signature, features, 10)

    @given(
        rows=st.lists(
            st.lists(
                st.floats(-FLOAT32_MAX, FLOAT32_MAX, width=32) | st.integers(-(2**24), 2**24),
                min_size=6,
                max_size=6,
            ),
            min_size=1,
            max_size=8,
        )
    )
    def test_numbers_round_trip(self, rows):
        tensor = encode(Signature.for_matrix(6), rows, 8)["inputs"]
        assert tensor.tolist() == [[float(value) for value in row] for row in rows]

    @given(rows=st.lists(json_values | st.just(GOOD), max_size=6))
    def test_every_row_is_good_or_has_an_error_never_both(self, session_signature, rows):
        tensors, good, errors = encode_rows(session_signature, rows)
        assert len(tensors["inputs"]) == len(good)
        assert {*good} | {error.row for error in errors} == {*range(len(rows))}
        assert {*good} & {error.row for error in errors} == set()


class TestSpeed:
    """Generous bounds: ten times what is measured, so that only a wrong algorithm fails."""

    @pytest.mark.parametrize(("rows", "microseconds"), [(1, 60), (32, 500)])
    def test_is_quick(self, rows, microseconds):
        signature = Signature.for_matrix(28)
        features = [[i + j / 28 for j in range(28)] for i in range(rows)]
        best = min(timeit.repeat(lambda: encode(signature, features, rows), number=200, repeat=5))
        assert best / 200 * 1e6 < microseconds

    def test_what_it_remembers_of_rows_is_bounded(self):
        signature = Signature.for_matrix(10)
        kinds = itertools.islice(itertools.product([1, 1.0], repeat=10), 2 * MAX_KNOWN_TYPES)
        rows = [dict(zip(signature.feature_names, row, strict=True)) for row in kinds]
        assert encode(signature, rows, len(rows))["inputs"].min() == 1
        assert len(encoder_of(signature)._known_types) == MAX_KNOWN_TYPES

    def test_a_signature_is_compiled_once(self, session_signature):
        copy = Signature.from_document(session_signature.to_document())
        assert encoder_of(copy) is encoder_of(session_signature)


class TestNumberedCategories:
    """A category that is an integer in text may be sent as the integer."""

    @staticmethod
    def signature(unknown="reject", vocabulary=("1", "2", "-3", "04", "x")):
        return Signature.from_document(
            {
                "schema_version": 1,
                "features": [
                    {
                        "name": "browser",
                        "kind": "category",
                        "vocabulary": list(vocabulary),
                        "unknown": unknown,
                    }
                ],
                "outputs": [{"name": "y", "shape": [1]}],
            }
        )

    @pytest.mark.parametrize(("value", "code"), [("2", 1), (2, 1), (-3, 2), ("04", 3), ("x", 4)])
    def test_text_and_integer_mean_the_same(self, value, code):
        assert encode(self.signature(), [value], 1)["inputs"].tolist() == [[code]]

    @pytest.mark.parametrize(
        ("value", "error"),
        [
            (4, "unknown_category"),
            (10**300, "unknown_category"),
            (2.0, "wrong_type"),
            (True, "wrong_type"),
            (None, "null"),
        ],
    )
    def test_other_numbers_are_refused(self, value, error):
        assert [fault.code for fault in refused(self.signature(), [value])] == [error]

    def test_an_unknown_integer_is_other_where_there_is_one(self):
        assert encode(self.signature("other"), [99], 1)["inputs"].tolist() == [[5]]

    def test_a_vocabulary_of_words_takes_no_integer(self):
        words = self.signature("other", ("red", "green"))

        assert [fault.code for fault in refused(words, [1])] == ["wrong_type"]
