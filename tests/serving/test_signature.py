from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import InvalidSignatureError
from serving.signature import (
    DType,
    Feature,
    FeatureKind,
    InputTensor,
    Output,
    Signature,
    UnknownCategory,
)

FULL = {
    "schema_version": 1,
    "features": [
        {"name": "age", "kind": "number", "unit": "years", "minimum": 0.0, "maximum": 130.0},
        {"name": "visits", "kind": "integer", "minimum": 0},
        {"name": "month", "kind": "category", "vocabulary": ["Feb", "Mar"], "unknown": "other"},
        {"name": "weekend", "kind": "boolean"},
        {"name": "image", "kind": "number", "shape": [2, 2]},
    ],
    "inputs": [
        {
            "name": "numbers",
            "dtype": "float32",
            "shape": [3],
            "features": ["age", "visits", "weekend"],
        },
        {"name": "month", "dtype": "int32", "shape": [1], "features": ["month"]},
        {"name": "image", "dtype": "float64", "shape": [2, 2, 1], "features": ["image"]},
    ],
    "outputs": [
        {"name": "buys", "shape": [1], "class_labels": ["no", "yes"]},
        {"name": "colour", "shape": [3], "class_labels": ["red", "green", "blue"]},
    ],
}


class TestDocument:
    def test_is_read_and_written_unchanged(self):
        assert Signature.from_document(FULL).to_document() == FULL

    def test_gives_an_equal_signature_with_an_equal_hash(self):
        first, second = Signature.from_document(FULL), Signature.from_document(copy.deepcopy(FULL))
        assert (first, hash(first)) == (second, hash(second))

    def test_without_inputs_puts_all_features_in_one_float32_row(self):
        signature = Signature.from_document({"features": FULL["features"]})
        assert signature.inputs == (
            InputTensor(
                "inputs",
                DType.FLOAT32,
                (8,),
                ("age", "visits", "month", "weekend", "image"),
            ),
        )
        assert signature.outputs == ()

    @given(
        st.lists(
            st.builds(
                Feature,
                name=st.text("abcdefgh ", min_size=1, max_size=9),
                kind=st.sampled_from([FeatureKind.NUMBER, FeatureKind.INTEGER]),
                minimum=st.none() | st.integers(-100, 0).map(float),
                maximum=st.none() | st.integers(1, 100).map(float),
                shape=st.sampled_from([(), (3,), (2, 2)]),
            ),
            min_size=1,
            max_size=5,
            unique_by=lambda feature: feature.name,
        )
    )
    def test_round_trips_any_signature(self, features):
        names = tuple(feature.name for feature in features)
        width = sum(feature.size for feature in features)
        signature = Signature(
            tuple(features), (InputTensor("inputs", DType.FLOAT64, (width,), names),)
        )
        assert Signature.from_document(signature.to_document()) == signature


def at(path, to, *, pointer=None):
    """The full document with one value replaced (... removes it), and where the refusal points."""
    document = copy.deepcopy(FULL)
    target = document
    *parents, last = (int(step) if step.isdigit() else step for step in path[1:].split("/"))
    for step in parents:
        target = target[step]
    if to is ...:
        del target[last]
    else:
        target[last] = to
    return document, path if pointer is None else pointer


REFUSED = {
    "not an object": ([], ""),
    "no features": at("/features", ...),
    "an empty list of features": at("/features", []),
    "an unknown member": at("/colour", 1),
    "another schema version": at("/schema_version", 2),
    "an unknown member of a feature": at("/features/0/kindd", 1),
    "a feature without a kind": at("/features/0/kind", ...),
    "an unknown kind": at("/features/0/kind", "text"),
    "a name that is a number": at("/features/0/name", 5),
    "an empty name": at("/features/0/name", ""),
    "a name with a line break": at("/features/0/name", "a\nb"),
    "a lone surrogate": at("/features/0/name", "\ud800"),
    "a name given twice": at("/features/1/name", "age"),
    "a minimum that is text": at("/features/0/minimum", "0"),
    "a minimum that is true": at("/features/0/minimum", to=True),
    "a minimum of NaN": at("/features/0/minimum", float("nan")),
    "a minimum of 10^400": at("/features/0/minimum", 10**400),
    "a maximum below the minimum": at("/features/0/maximum", -1),
    "a broken bound of an integer": at("/features/1/minimum", 0.5),
    "a bound of a category": at("/features/2/minimum", 0),
    "a category without vocabulary": at("/features/2/vocabulary", []),
    "a category given twice": at("/features/2/vocabulary", ["a", "a"]),
    "a category that is a number": at(
        "/features/2/vocabulary", [1], pointer="/features/2/vocabulary/0"
    ),
    "a vocabulary that is a path": at("/features/2/vocabulary", "/etc/x"),
    "a number with a vocabulary": at("/features/0/vocabulary", ["a"]),
    "an unknown `unknown`": at("/features/2/unknown", "maybe"),
    "`other` for a number": at("/features/0/unknown", "other"),
    "a shape with a zero": at("/features/4/shape", [2, 0], pointer="/features/4/shape/1"),
    "a shape with true": at("/features/4/shape", [True], pointer="/features/4/shape/0"),
    "too many axes": at("/features/4/shape", [1] * 9),
    "too many cells": at("/features/4/shape", [1024, 1025]),
    "no inputs": at("/inputs", []),
    "an unknown dtype": at("/inputs/0/dtype", "float16"),
    "a number in an integer tensor": at("/inputs/0/dtype", "int32"),
    "a tensor name with a blank": at("/inputs/0/name", "a b"),
    "a tensor name given twice": at("/inputs/1/name", "numbers"),
    "a feature that is not there": at(
        "/inputs/1/features", ["moth"], pointer="/inputs/1/features/0"
    ),
    "a feature used twice": at("/inputs/1/features", ["age"], pointer="/inputs/1/features/0"),
    "a feature that no input takes": at("/inputs/0/features", ["age"], pointer="/inputs/0/shape"),
    "a shape that does not fit": at("/inputs/0/shape", [4]),
    "an output name given twice": at("/outputs/1/name", "buys"),
    "too few class labels": at("/outputs/1/class_labels", ["a"]),
}


class TestRefusals:
    @pytest.mark.parametrize("case", REFUSED)
    def test_names_the_place(self, case):
        document, pointer = REFUSED[case]
        with pytest.raises(InvalidSignatureError) as caught:
            Signature.from_document(document)
        assert caught.value.pointer == pointer

    def test_refuses_a_feature_that_no_input_takes(self):
        with pytest.raises(InvalidSignatureError, match="No input takes 'b'") as caught:
            Signature(
                (Feature("a"), Feature("b")), (InputTensor("x", DType.FLOAT32, (1,), ("a",)),)
            )
        assert caught.value.pointer == "/inputs"

    def test_holds_for_signatures_made_in_python(self):
        with pytest.raises(InvalidSignatureError, match="twice"):
            Signature.for_matrix(1, outputs=(Output("a"), Output("a")))

    def test_refuses_a_pointer_that_needs_escapes(self):
        with pytest.raises(InvalidSignatureError) as caught:
            Signature.from_document({"features": [], "a/b~c": 1})
        assert caught.value.pointer == "/a~1b~0c"


class TestForMatrix:
    def test_names_the_columns_in_order(self):
        signature = Signature.for_matrix(3)
        assert signature.feature_names == ("x0", "x1", "x2")
        assert signature.inputs == (InputTensor("inputs", DType.FLOAT32, (3,), ("x0", "x1", "x2")),)
        assert signature.outputs == (Output("output", (1,)),)


class TestCodes:
    def test_counts_other_as_one_more(self, boolean_and_other):
        assert [feature.codes for feature in boolean_and_other] == [0, 3]
        assert boolean_and_other[1].unknown is UnknownCategory.OTHER
