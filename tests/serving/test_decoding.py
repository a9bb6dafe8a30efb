"""Tensors back to rows that make the same tensors."""

import numpy as np
import pytest

from serving.decoding import OTHER, decode
from serving.encoding import encode
from serving.exemplars import golden_inputs
from serving.signature import Signature

FEATURES = [
    {"name": "amount", "kind": "number"},
    {"name": "visits", "kind": "integer", "minimum": 0, "maximum": 1000},
    {"name": "colour", "kind": "category", "vocabulary": ["red", "green"], "unknown": "other"},
    {"name": "member", "kind": "boolean"},
    {"name": "pixels", "kind": "number", "shape": [2, 3]},
]
WHOLE = Signature.from_document(
    {
        "features": FEATURES,
        "inputs": [
            {
                "name": "cells",
                "dtype": "float32",
                "shape": [4],
                "features": ["member", "amount", "colour", "visits"],
            },
            {"name": "image", "dtype": "float64", "shape": [3, 2], "features": ["pixels"]},
        ],
    }
)


class TestDecode:
    def test_gives_rows_that_are_encoded_to_the_same_tensors(self):
        tensors = golden_inputs(WHOLE, rows=32)

        rows = decode(WHOLE, tensors)

        again = encode(WHOLE, rows, 32)
        assert again.keys() == tensors.keys()
        for name, array in tensors.items():
            assert np.array_equal(again[name], array), name

    def test_gives_values_by_name_as_a_caller_would_send_them(self):
        tensors = {
            "cells": np.array([[1, 0.1, 2, 7], [0, -2.5, 0, 0]], dtype=np.float32),
            "image": np.arange(12.0).reshape(2, 3, 2),
        }

        assert decode(WHOLE, tensors) == [
            {
                "amount": 0.1,
                "visits": 7,
                "colour": OTHER,
                "member": True,
                "pixels": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
            },
            {
                "amount": -2.5,
                "visits": 0,
                "colour": "red",
                "member": False,
                "pixels": [[6.0, 7.0, 8.0], [9.0, 10.0, 11.0]],
            },
        ]

    @pytest.mark.parametrize(
        "tensors",
        [
            {},
            {"cells": np.zeros((2, 4))},
            {"cells": np.zeros((2, 5)), "image": np.zeros((2, 3, 2))},
            {"cells": np.zeros((2, 4)), "image": np.zeros((2, 2, 3))},
            {"cells": np.full((2, 4), np.nan), "image": np.zeros((2, 3, 2))},
            {"cells": np.zeros((2, 4)), "image": np.zeros((3, 3, 2))},
        ],
        ids=["nothing", "one_missing", "too_wide", "turned", "not_a_number", "more_rows"],
    )
    def test_says_no_to_tensors_of_another_signature(self, tensors):
        assert decode(WHOLE, tensors) is None
