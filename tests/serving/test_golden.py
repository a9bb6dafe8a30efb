from __future__ import annotations

import io

import numpy as np
import pytest

from serving.errors import ArtefactError, GoldenMismatchError
from serving.golden import GoldenSet, check_equal, largest_difference


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


class TestBytes:
    def test_are_read_as_they_were_written(self, doubling_golden):
        again = GoldenSet.from_bytes(doubling_golden.to_bytes())
        assert again.rows == 4
        np.testing.assert_array_equal(again.inputs["inputs"], doubling_golden.inputs["inputs"])
        np.testing.assert_array_equal(again.outputs["output"], doubling_golden.outputs["output"])

    def test_are_the_same_for_the_same_set(self, doubling_golden):
        assert doubling_golden.to_bytes() == doubling_golden.to_bytes()

    def test_an_input_and_an_output_may_share_a_name(self):
        golden = GoldenSet({"x": np.ones((2, 1))}, {"x": np.zeros((2, 3))})
        again = GoldenSet.from_bytes(golden.to_bytes())
        assert (again.inputs["x"].shape, again.outputs["x"].shape) == ((2, 1), (2, 3))

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"rubbish",
            npz(),
            npz(**{"input:x": np.ones((2, 1))}),
            npz(**{"input:x": np.ones((2, 1)), "output:y": np.ones((3, 1))}),
            npz(**{"input:x": np.ones((0, 1)), "output:y": np.ones((0, 1))}),
            npz(**{"input:x": np.ones(()), "output:y": np.ones(())}),
            npz(**{"input:x": np.array([object()]), "output:y": np.ones((1, 1))}),
        ],
    )
    def test_anything_else_is_refused(self, data):
        with pytest.raises(ArtefactError) as caught:
            GoldenSet.from_bytes(data)
        assert caught.value.reason_code == "golden_invalid"


class TestCheckEqual:
    WANTED = {"a": np.array([[1.0], [100.0]])}

    @pytest.mark.parametrize("error", [0.0, 9e-6, 9e-3])
    def test_allows_the_tolerance(self, error):
        check_equal({"a": self.WANTED["a"] + np.array([[0.0], [error]])}, self.WANTED)

    @pytest.mark.parametrize(
        "got",
        [
            {"a": np.array([[1.0], [100.1]])},
            {"a": np.array([[1.001], [100.0]])},
            {"a": np.array([[np.nan], [100.0]])},
            {"a": np.array([[1.0]])},
            {"a": np.array([1.0, 100.0])},
            {"b": WANTED["a"]},
            {},
            {"a": WANTED["a"], "b": WANTED["a"]},
        ],
    )
    def test_refuses_everything_beyond_it(self, got):
        with pytest.raises(GoldenMismatchError):
            check_equal(got, self.WANTED)

    def test_refuses_a_conversion_gone_wrong(self):
        """0.7 is what was seen of a flatbuffer with wrong constants."""
        with pytest.raises(GoldenMismatchError, match=r"Output 'a' is off by 0\.7"):
            check_equal({"a": np.array([[0.9]])}, {"a": np.array([[0.2]])})


class TestLargestDifference:
    def test_is_the_worst_of_all_outputs(self):
        wanted = {"a": np.zeros((2, 2)), "b": np.ones(2)}
        assert largest_difference({"a": np.full((2, 2), -3.0), "b": np.ones(2)}, wanted) == 3.0

    @pytest.mark.parametrize("got", [{}, {"a": np.zeros(3)}, {"a": np.array([0.0, np.nan])}])
    def test_is_infinite_when_it_cannot_be_said(self, got):
        assert largest_difference(got, {"a": np.zeros(2)}) == np.inf
