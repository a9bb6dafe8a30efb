"""Hostile weights: what HDF5 can do besides holding numbers."""

from __future__ import annotations

import h5py
import numpy as np

from tests.hostile.recipe import archive, hdf5, hostile, plain_weights

GIBIBYTE = 1_024**3
KERNEL = "layers/dense/vars/0"
LINK, SIZE, DTYPE = "weights_link", "weights_size", "weights_dtype"


def weights(change, **options):
    """The good weights with something done to them."""

    def write(file):
        file.create_dataset(KERNEL, data=np.ones((3, 2), np.float32))
        file.create_dataset("layers/dense/vars/1", data=np.zeros(2, np.float32))
        change(file)

    return archive(weights=hdf5(write, **options))


def kernel(value):
    return archive(weights=plain_weights(**{KERNEL: value}))


@hostile("weights_not_finite", would="answer NaN, or 0.0 behind a ReLU, for ever")
def nan_weights(_lures):
    return kernel(np.array([[1, 2], [np.nan, 4], [5, 6]], np.float32))


@hostile("weights_not_finite", would="answer infinity for some callers")
def infinite_weights(_lures):
    return kernel(np.array([[1, 2], [3, 4], [5, -np.inf]], np.float32))


@hostile("weights_mismatch", would="fail in the middle of loading", loads_keras=True)
def weights_of_another_shape(_lures):
    return kernel(np.ones((2, 3), np.float32))


@hostile("weights_mismatch", would="leave a layer as it was initialised")
def missing_weights(_lures):
    return archive(weights=plain_weights(**{"layers/dense/vars/1": None}))


@hostile("weights_external", would="read another HDF5 file of the host")
def link_to_another_file(lures):
    def change(file):
        del file[KERNEL]
        file[KERNEL] = h5py.ExternalLink(str(lures.secret), "/kernel")

    return weights(change)


@hostile(LINK, would="be followed around in circles")
def soft_link(_lures):
    return weights(lambda file: file.__setitem__("layers/again", h5py.SoftLink("/layers")))


@hostile(LINK, would="be one object under very many names")
def hard_link_to_the_parent(_lures):
    return weights(lambda file: file["layers/dense"].__setitem__("up", file["layers"]))


@hostile(LINK, would="be two variables that change together")
def one_dataset_under_two_names(_lures):
    return weights(lambda file: file["layers/dense/vars"].__setitem__("2", file[KERNEL]))


@hostile("weights_external", would="read bytes of any file of the host (CVE-2026-1669)")
def dataset_kept_elsewhere(lures):
    def change(file):
        del file[KERNEL]
        file.create_dataset(KERNEL, (3, 2), "f4", external=[(str(lures.secret), 0, 24)])

    return weights(change)


@hostile("weights_virtual", would="read another HDF5 file of the host, piece by piece")
def virtual_dataset(lures):
    def change(file):
        del file[KERNEL]
        layout = h5py.VirtualLayout((3, 2), "f4")
        layout[:] = h5py.VirtualSource(str(lures.secret), "kernel", (3, 2))
        file.create_virtual_dataset(KERNEL, layout)

    return weights(change)


def declared(count, **options):
    def change(file):
        del file[KERNEL]
        file.create_dataset(KERNEL, (count,), "f4", **options)

    return weights(change)


@hostile("weights_filtered", would="kill the process that reads 3 GiB out of 15 kB (CVE-2026-0897)")
def three_gibibytes_of_nothing(_lures):
    return declared(3 * GIBIBYTE // 4, chunks=(2**20,), compression="gzip")


@hostile("weights_filtered", would="be above the floor of Keras' own guard")
def eight_gibibytes_of_nothing(_lures):
    return declared(2 * GIBIBYTE, chunks=(2**20,), compression="gzip")


@hostile("weights_filtered", would="be unpacked by a plugin")
def shuffled_and_packed(_lures):
    def change(file):
        del file[KERNEL]
        file.create_dataset(KERNEL, data=np.ones((3, 2), "f4"), chunks=(3, 2), shuffle=True)

    return weights(change)


@hostile(SIZE, would="be filled with zeros as they are asked for, by the gigabyte")
def contiguous_and_never_written(_lures):
    return declared(GIBIBYTE // 2)


@hostile(SIZE, would="have a size of petabytes (CVE-2026-12570)")
def petabytes(_lures):
    return declared(2**50)


@hostile("weights_filtered", SIZE, would="grow without an end that is known")
def resizable(_lures):
    return declared(4, maxshape=(None,))


@hostile(DTYPE, would="be Python objects to whoever reads them")
def references(_lures):
    def change(file):
        file.create_dataset("layers/r", data=np.array([file.ref], dtype=h5py.ref_dtype))

    return weights(change)


@hostile(DTYPE, would="lie in a heap, anywhere")
def texts(_lures):
    return weights(lambda file: file.create_dataset("layers/t", data=["a", "b"]))


@hostile(DTYPE, would="be read as one number and be two")
def compound(_lures):
    pairs = np.zeros(3, dtype=[("a", "f4"), ("b", "i4")])
    return weights(lambda file: file.create_dataset("layers/c", data=pairs))


@hostile(DTYPE, would="have a type that TensorFlow lacks")
def long_doubles(_lures):
    return weights(lambda file: file.create_dataset("layers/l", data=np.ones(3, np.longdouble)))


@hostile(DTYPE, would="be bytes that mean what the reader likes")
def opaque(_lures):
    return weights(lambda file: file.create_dataset("layers/o", data=np.zeros(3, "V8")))


@hostile(DTYPE, would="be neither a group nor a dataset")
def a_type_with_a_name(_lures):
    return weights(lambda file: file.__setitem__("layers/type", np.dtype("f4")))


@hostile(DTYPE, would="have no shape to multiply")
def a_dataset_of_nothing(_lures):
    return weights(lambda file: file.create_dataset("layers/n", data=h5py.Empty("f4")))


@hostile("weights_invalid", would="be looked for further in, behind something else")
def bytes_before_the_weights(_lures):
    return weights(lambda _file: None, userblock_size=512)


@hostile("weights_invalid", would="not be found")
def weights_that_are_none(_lures):
    return archive(weights=b"PK\x03\x04 these are no weights")


@hostile("weights_invalid", would="be read beyond their end")
def weights_cut_off(_lures):
    good = plain_weights()
    return archive(weights=good[: len(good) // 2])


@hostile("weights_invalid", would="steer the loader by an attribute")
def an_attribute_of_its_own(_lures):
    return weights(lambda file: file[KERNEL].attrs.__setitem__("class_name", "Lambda"))


@hostile("weights_invalid", would="overflow the stack of whoever walks it")
def groups_within_groups(_lures):
    return weights(lambda file: file.create_group("/".join("g" * 200)))


@hostile(SIZE, would="hold more objects than anybody walks")
def very_many_groups(_lures):
    def change(file):
        for number in range(60_000):
            h5py.h5g.create(file.id, b"g%d" % number)

    return weights(change, libver="latest")
