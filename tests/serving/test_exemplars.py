from __future__ import annotations

import numpy as np
import pytest

from serving.exemplars import ROWS, golden_inputs
from serving.signature import DType, Feature, FeatureKind, InputTensor, Signature


class TestGoldenInputs:
    def test_are_the_same_every_time(self, session_signature):
        first, second = golden_inputs(session_signature), golden_inputs(session_signature)
        np.testing.assert_array_equal(first["inputs"], second["inputs"])
        assert first["inputs"].shape == (ROWS, 5)

    def test_stay_within_the_signature(self, session_signature):
        duration, pages, month, visitor, weekend = golden_inputs(session_signature)["inputs"].T
        assert duration.min() == 0
        assert (pages.min(), pages.max()) == (0, 500)
        assert {*month} == {0, 1, 2}
        assert {*visitor} == {0, 1}
        assert {*weekend} == {0, 1}
        assert {*pages % 1} == {0}

    @pytest.mark.parametrize(
        ("minimum", "maximum"), [(None, None), (5.0, None), (None, -5.0), (-1.0, 1.0), (3.0, 3.0)]
    )
    @pytest.mark.parametrize("kind", [FeatureKind.NUMBER, FeatureKind.INTEGER])
    def test_keep_to_any_bounds(self, kind, minimum, maximum):
        signature = Signature(
            (Feature("x", kind, minimum=minimum, maximum=maximum),),
            (InputTensor("inputs", DType.FLOAT64, (1,), ("x",)),),
        )
        column = golden_inputs(signature)["inputs"]
        assert column.min() >= (-np.inf if minimum is None else minimum)
        assert column.max() <= (np.inf if maximum is None else maximum)

    def test_have_the_shape_of_nested_features(self, image_signature):
        assert golden_inputs(image_signature)["inputs"].shape == (ROWS, 2, 3)
