"""The reader of what comes out of the sandbox: plain numbers of the size they declare."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from serving.errors import ArtefactError
from serving.plain_arrays import (
    read_arrays,
    read_weights_back,
    save_weights,
    write_arrays,
    write_weights,
)

LIMIT = 2**20


def npz(members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(array=None, *, header=None, body=None, version=(1, 0), pickled=False):
    """An .npy file, with a header of one's own."""
    buffer = io.BytesIO()
    if header is None:
        np.lib.format.write_array(buffer, np.asarray(array), version, allow_pickle=pickled)
        content = buffer.getvalue()
        return content if body is None else content + body
    text = header.encode("latin1") + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + (body or b"")


def header(descr="'<f4'", order=False, shape="(2,)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def refused(data, limit=LIMIT):
    with pytest.raises(ArtefactError) as caught:
        read_arrays(data, max_bytes=limit)
    return caught.value.reason_code


ARRAYS = {
    "b": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a": np.array(7, dtype=np.int64),
    "c": np.array([True, False]),
    "none": np.zeros((0, 3), dtype=np.float64),
    "half": np.ones(3, dtype=np.float16),
}


class TestRoundTrip:
    def test_reads_what_it_wrote(self):
        again = read_arrays(write_arrays(ARRAYS), max_bytes=LIMIT)
        assert again.keys() == ARRAYS.keys()
        for name, array in ARRAYS.items():
            assert (again[name].dtype, again[name].shape) == (array.dtype, array.shape)
            assert again[name].tobytes() == array.tobytes()

    def test_the_same_arrays_give_the_same_bytes(self):
        assert write_arrays(ARRAYS) == write_arrays(dict(reversed(ARRAYS.items())))

    def test_numpy_reads_it_too(self):
        with np.load(io.BytesIO(write_arrays(ARRAYS)), allow_pickle=False) as archive:
            assert {*archive.files} == {*ARRAYS}

    def test_columns_first_are_written_rows_first(self):
        array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
        assert read_arrays(write_arrays({"a": array}), max_bytes=LIMIT)["a"].tolist() == (
            array.tolist()
        )

    def test_weights_keep_their_order(self):
        weights = [np.full(1, index, dtype=np.float32) for index in range(12)]
        again = read_weights_back(write_weights(weights), max_bytes=LIMIT)
        assert [int(array[0]) for array in again] == [*range(12)]

    def test_a_file_gets_the_same_bytes(self, tmp_path):
        weights = [np.ones((3, 2), np.float32), np.array(5), np.zeros((0, 2))]
        with (tmp_path / "weights").open("wb") as file:
            save_weights(file, weights)
        assert (tmp_path / "weights").read_bytes() == write_weights(weights)

    def test_memory_holds_the_numbers_once_and_their_file_once(self, tmp_path):
        """A forged file is as large as it may be; numpy writes in pieces of 16 MiB."""
        weights = [np.ones(12 * 2**20, np.float32)]
        data = write_weights(weights)
        tracemalloc.start()
        try:
            read_weights_back(data, max_bytes=2**26)
            _, reading = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            with (tmp_path / "weights").open("wb") as file:
                save_weights(file, weights)
            _, writing = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert reading < 1.5 * len(data)  # besides the file itself: the array, and what is finite
        assert writing < 0.5 * len(data)


GOOD = npy(np.ones(2, dtype=np.float32))
BAD = {
    "no zip": b"rubbish",
    "nothing": b"",
    "cut": write_arrays(ARRAYS)[:-30],
    "an object array": npz([("a.npy", npy(np.array([object()], dtype=object), pickled=True))]),
    "a pickle": npz([("a.npy", b"\x80\x04cos\nsystem\n")]),
    "text": npz([("a.npy", npy(np.array(["x"])))]),
    "a structure": npz([("a.npy", npy(np.zeros(2, dtype=[("a", "<f4")])))]),
    "complex numbers": npz([("a.npy", npy(np.zeros(2, dtype=np.complex64)))]),
    "long doubles": npz([("a.npy", npy(np.zeros(2, dtype=np.longdouble)))]),
    "dates": npz([("a.npy", npy(np.zeros(2, dtype="datetime64[s]")))]),
    "big-endian numbers": npz([("a.npy", npy(np.zeros(2, dtype=">f4")))]),
    "columns first": npz([("a.npy", npy(np.asfortranarray(np.zeros((2, 3)))))]),
    "a later format": npz([("a.npy", npy(np.zeros(2), version=(2, 0)))]),
    "a packed member": npz([("a.npy", GOOD)], zipfile.ZIP_DEFLATED),
    "a bomb": npz([("a.npy", npy(np.zeros(2**22)))], zipfile.ZIP_DEFLATED),
    "a member twice": npz([("a.npy", GOOD), ("b.npy", GOOD)]).replace(b"b.npy", b"a.npy"),
    "no array": npz([("a.npy", GOOD), ("a.sh", b"#!/bin/sh")]),
    "bytes behind": npz([("a.npy", npy(np.zeros(2), body=b"more"))]),
    "more declared than there": npz(
        [("a.npy", npy(header=header(shape="(2000000000,)"), body=b"x"))]
    ),
    "less declared than there": npz([("a.npy", npy(header=header(shape="(1,)"), body=b"x" * 8))]),
    "a negative length": npz([("a.npy", npy(header=header(shape="(-2,)"), body=b"x" * 8))]),
    "an overflowing shape": npz(
        [("a.npy", npy(header=header(shape="(4294967296, 4294967296)"), body=b""))]
    ),
    "a header that is code": npz([("a.npy", npy(header="__import__('os').system('true')"))]),
    "a long header": npz([("a.npy", npy(header=header() + " " * 9_000, body=b"x" * 8))]),
    "a deep header": npz([("a.npy", npy(header="(" * 3_000 + ")" * 3_000))]),
    "an array in an array": npz(
        [("a.npy", npy(header=header("('<f4', (2,))", shape="(1,)"), body=b"x" * 8))]
    ),
}  # fmt: skip


class TestRefused:
    @pytest.mark.parametrize("name", sorted(BAD))
    def test_anything_else(self, name):
        assert refused(BAD[name]) == "plain_data_invalid"

    def test_more_bytes_than_allowed(self):
        assert refused(write_arrays(ARRAYS), limit=100) == "plain_data_invalid"

    def test_members_that_share_their_bytes(self):
        """Two names in the directory for one member: a little file, much memory."""
        data = npz([("a.npy", npy(np.zeros(1000))), ("b.npy", npy(np.zeros(1000)))])
        place = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
        overlapping = bytearray(data)
        struct.pack_into("<I", overlapping, place + 42, 0)  # the offset of b's header is a's
        assert refused(bytes(overlapping)) == "plain_data_invalid"

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_weights_that_are_not_finite(self, value):
        data = write_weights([np.ones(1), np.array([value])])
        with pytest.raises(ArtefactError) as caught:
            read_weights_back(data, max_bytes=LIMIT)
        assert caught.value.reason_code == "weights_not_finite"

    @pytest.mark.parametrize("names", [["w00001"], ["w00000", "w00002"], ["weights"]])
    def test_weights_that_are_not_numbered(self, names):
        data = write_arrays(dict.fromkeys(names, np.ones(1)))
        with pytest.raises(ArtefactError) as caught:
            read_weights_back(data, max_bytes=LIMIT)
        assert caught.value.reason_code == "plain_data_invalid"
