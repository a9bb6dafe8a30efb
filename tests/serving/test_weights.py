"""The walk over HDF5, case by case; tests/hostile takes the same through the whole pipeline."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from serving.errors import ArtefactError
from serving.weights import MAX_DEPTH, read_weights
from tests.hostile.recipe import hdf5, plain_weights

MEBIBYTE = 1_024 * 1_024


@pytest.fixture
def read(tmp_path):
    """Walk over bytes: read(data) to arrays."""

    def read(data, max_bytes=MEBIBYTE, at_least=0):
        path = tmp_path / "model.weights.h5"
        path.write_bytes(data)
        return read_weights(path, max_bytes=max_bytes, at_least=at_least)

    return read


def refusal(read, data, **options):
    with pytest.raises(ArtefactError) as caught:
        read(data, **options)
    return caught.value.reason_code, caught.value.pointer


def written(path, **options):
    return hdf5(lambda file: file.create_dataset(path, **options))


class TestReadWeights:
    def test_gives_every_array_by_its_path(self, read):
        arrays = read(plain_weights())
        assert arrays["layers/dense/vars/0"].tolist() == [[1, 2], [3, 4], [5, 6]]
        assert arrays["layers/dense/vars/1"].tolist() == [0.5, -0.5]
        assert len(arrays) == 2

    @pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i4", "i8", "u1", "u8", "?", ">f4"])
    def test_plain_numbers_of_every_size(self, read, dtype):
        array = np.array([0, 1, 1], dtype)
        assert read(written("a", data=array))["a"].tolist() == array.tolist()

    def test_empty_arrays_and_scalars(self, read):
        arrays = read(
            hdf5(lambda f: (f.create_dataset("a", (0, 3), "f4"), f.__setitem__("b", 5.0)))
        )
        assert (arrays["a"].shape, arrays["b"].shape) == ((0, 3), ())

    def test_the_type_that_keras_notes_beside_an_array(self, read):
        def write(file):
            file.create_dataset("a", data=np.ones(2, "f4")).attrs["dtype"] = "bfloat16"

        assert read(hdf5(write))["a"].tolist() == [1, 1]

    def test_the_limit_is_for_all_arrays_together(self, read):
        data = plain_weights()  # 24 and 8 bytes
        assert len(read(data, max_bytes=32)) == 2
        assert refusal(read, data, max_bytes=31) == ("weights_size", "/layers/dense/vars/1")

    def test_as_many_numbers_as_the_configuration_implies(self, read):
        assert len(read(plain_weights(), at_least=8)) == 2
        assert refusal(read, plain_weights(), at_least=9) == ("weights_mismatch", "")

    @pytest.mark.parametrize(
        ("write", "code", "pointer"),
        [
            (lambda f: f.__setitem__("a", h5py.SoftLink("/b")), "weights_link", "/a"),
            (lambda f: f.__setitem__("a", h5py.ExternalLink("x", "/b")), "weights_external", "/a"),
            (lambda f: f.create_group("a").__setitem__("b", f["a"]), "weights_link", "/a/b"),
            (lambda f: f.create_group("a").__setitem__("b", f["/"]), "weights_link", "/a/b"),
            (
                lambda f: f.create_dataset("a", data=np.ones(9), chunks=(3,)),
                "weights_filtered",
                "/a",
            ),
            (
                lambda f: f.create_dataset("a", (2,), "f4", external=[("x", 0, 8)]),
                "weights_external",
                "/a",
            ),
            (lambda f: f.create_dataset("a", (5,), "f4"), "weights_size", "/a"),
            (lambda f: f.__setitem__("a", "text"), "weights_dtype", "/a"),
            (lambda f: f.__setitem__("a", np.ones(2, np.complex64)), "weights_dtype", "/a"),
            (lambda f: f.__setitem__("a", np.longdouble(1)), "weights_dtype", "/a"),
            (lambda f: f.__setitem__("a", np.dtype("f4")), "weights_dtype", "/a"),
            (lambda f: f.__setitem__("a", [1.0, np.nan]), "weights_not_finite", "/a"),
            (lambda f: f.__setitem__("a", [1.0, np.inf]), "weights_not_finite", "/a"),
            (lambda f: f.attrs.__setitem__("evil", 1), "weights_invalid", ""),
            (lambda f: f.attrs.__setitem__("name", 1), "weights_invalid", ""),
            (lambda f: f.attrs.__setitem__("name", np.bytes_(b"x" * 600)), "weights_size", ""),
            (
                lambda f: f.create_group("/".join("g" * (MAX_DEPTH + 1))),
                "weights_invalid",
                "/" + "/".join("g" * (MAX_DEPTH + 1)),
            ),
        ],
        ids=[
            "soft link", "external link", "a group in itself", "the root again", "chunked",
            "external", "never written", "text", "complex", "long double", "a named type", "NaN",
            "infinity", "a strange attribute", "an attribute that is no text", "a long attribute",
            "deep",
        ],
    )  # fmt: skip
    def test_what_keras_does_not_write(self, read, write, code, pointer):
        assert refusal(read, hdf5(write)) == (code, pointer)

    def test_a_virtual_dataset(self, read):
        layout = h5py.VirtualLayout((2,), "f4")
        layout[:] = h5py.VirtualSource("x", "y", (2,))
        data = hdf5(lambda f: f.create_virtual_dataset("a", layout))
        assert refusal(read, data) == ("weights_virtual", "/a")

    @pytest.mark.parametrize(
        "data",
        [b"", b"PK\x03\x04", plain_weights()[:700], b"\0" * 512 + plain_weights()],
        ids=["empty", "a zip", "cut off", "further in"],
    )
    def test_something_else(self, read, data):
        assert refusal(read, data) == ("weights_invalid", "")
