"""model.weights.h5 to plain arrays: a walk that trusts no declaration; only in a sandboxed process.

HDF5's parser is native code with a long list of known holes (1.14.6, which comes with h5py
3.14, is behind some thirty of them), so nothing but the confined child may call this. What Keras
writes is plain: groups, contiguous datasets of numbers, hard links. Everything else that the
format can do (other files, other places, filters, references) is refused.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from serving.errors import ArtefactError
from serving.reasons import ReasonCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import h5py
    import numpy.typing as npt

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
KINDS = frozenset("fiub")  # numpy's letters: floats, integers, unsigned, booleans
MAX_ITEM_BYTES = 8  # no long double, which numpy reads and TensorFlow does not
MAX_OBJECTS = 50_000  # groups and datasets; a model of 2,000 layers has a third of it
MAX_DEPTH = 32  # groups within groups
ATTRIBUTES = frozenset({"dtype", "name"})  # all that Keras writes, and only short texts
MAX_ATTRIBUTE_BYTES = 512


def read_weights(
    path: Path, *, max_bytes: int, at_least: int = 0
) -> dict[str, npt.NDArray[np.generic]]:
    """Every dataset of the file by its path, e.g. "layers/dense/vars/0".

    Checks before it reads: hard links only and no object reached twice; groups and datasets
    only; no external, virtual, chunked or filtered dataset; kinds f, i, u, b of at most 8
    bytes; prod(shape) x itemsize equals what is stored; the sum is within the file and within
    max_bytes. Then: every float is finite.

    Args:
        path: a regular file with HDF5 in it.
        max_bytes: of all arrays together.
        at_least: numbers that the configuration implies, in all arrays together.

    Raises:
        ArtefactError: one of the weights_* codes; the pointer is "/" and the HDF5 path.
    """
    import h5py  # noqa: PLC0415 - native code: only once this process is confined

    with path.open("rb") as file:
        if file.read(len(HDF5_MAGIC)) != HDF5_MAGIC:  # HDF5 would look for it further in
            refuse(ReasonCode.WEIGHTS_INVALID, "", "The weights do not begin like HDF5.")
    try:
        with h5py.File(path, "r", locking=False) as weights:
            arrays = _Walk(path.stat().st_size, max_bytes).read(weights)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError) as error:
        detail = f"The weights cannot be read ({type(error).__name__})."
        raise ArtefactError(ReasonCode.WEIGHTS_INVALID, "", detail) from error
    numbers = sum(array.size for array in arrays.values())
    if numbers < at_least:
        refuse(
            ReasonCode.WEIGHTS_MISMATCH, "", f"{numbers} numbers are there, {at_least} are needed."
        )
    return arrays


def refuse(reason: ReasonCode, name: str, detail: str) -> NoReturn:
    pointer = f"/{name}" if name else ""
    raise ArtefactError(reason, pointer if pointer.isprintable() else "", detail)


class _Walk:
    """One pass over a file; remembers what it has seen."""

    def __init__(self, file_bytes: int, max_bytes: int) -> None:
        self._file_bytes = file_bytes
        self._left = min(file_bytes, max_bytes)
        self._seen: set[int] = set()  # addresses in the file

    def read(self, file: h5py.File) -> dict[str, npt.NDArray[np.generic]]:
        self._meet("", file)
        datasets = dict(self._datasets("", file, 0))
        return {name: _finite(name, dataset) for name, dataset in datasets.items()}

    def _datasets(
        self, parent: str, group: h5py.Group, depth: int
    ) -> Iterator[tuple[str, h5py.Dataset]]:
        """All below a group, each checked and none read yet."""
        import h5py  # noqa: PLC0415 - as above

        if depth > MAX_DEPTH:
            refuse(ReasonCode.WEIGHTS_INVALID, parent, f"Nested deeper than {MAX_DEPTH}.")
        if len(self._seen) + len(group) > MAX_OBJECTS:
            refuse(ReasonCode.WEIGHTS_SIZE, "", f"More than {MAX_OBJECTS} objects.")
        for step in group:
            name = f"{parent}/{step}" if parent else str(step)
            _check_link(name, group.get(step, getlink=True))
            member = group[step]
            self._meet(name, member)
            if isinstance(member, h5py.Group):
                yield from self._datasets(name, member, depth + 1)
            elif isinstance(member, h5py.Dataset):
                self._check_dataset(name, member)
                yield name, member
            else:
                refuse(ReasonCode.WEIGHTS_DTYPE, name, "Neither a group nor a dataset.")

    def _meet(self, name: str, member: h5py.Group | h5py.Dataset) -> None:
        """A second way to an object is how a small file becomes an endless one."""
        import h5py  # noqa: PLC0415 - as above

        address = h5py.h5o.get_info(member.id).addr
        if address in self._seen:
            refuse(ReasonCode.WEIGHTS_LINK, name, "An object is reached twice.")
        self._seen.add(address)
        _check_attributes(name, member)

    def _check_dataset(self, name: str, dataset: h5py.Dataset) -> None:
        _check_storage(name, dataset)
        if dataset.dtype.kind not in KINDS or dataset.dtype.itemsize > MAX_ITEM_BYTES:
            refuse(ReasonCode.WEIGHTS_DTYPE, name, "Not a plain number.")
        if dataset.shape is None:
            refuse(ReasonCode.WEIGHTS_DTYPE, name, "A dataset without a shape.")
        declared = math.prod(dataset.shape) * dataset.dtype.itemsize
        stored = dataset.id.get_storage_size()
        if declared != stored:
            refuse(
                ReasonCode.WEIGHTS_SIZE, name, f"{declared} bytes are declared, {stored} stored."
            )
        offset = dataset.id.get_offset()  # None when compact or empty
        if offset is not None and offset + stored > self._file_bytes:
            refuse(ReasonCode.WEIGHTS_SIZE, name, "It ends behind the end of the file.")
        self._left -= stored
        if self._left < 0:
            refuse(ReasonCode.WEIGHTS_SIZE, name, "More bytes than the file or the limit.")


def _check_link(name: str, link: object) -> None:
    import h5py  # noqa: PLC0415 - as above

    if link is None:
        refuse(ReasonCode.WEIGHTS_INVALID, name, "A link that cannot be read.")
    if isinstance(link, h5py.ExternalLink):
        refuse(ReasonCode.WEIGHTS_EXTERNAL, name, "A link into another file.")
    if not isinstance(link, h5py.HardLink):
        refuse(ReasonCode.WEIGHTS_LINK, name, "Only hard links are allowed.")


def _check_attributes(name: str, member: h5py.Group | h5py.Dataset) -> None:
    """Keras looks into "dtype"; a text of variable length would be a pointer into a heap."""
    import h5py  # noqa: PLC0415 - as above

    for key in member.attrs:
        if key not in ATTRIBUTES:
            refuse(ReasonCode.WEIGHTS_INVALID, name, "An attribute that Keras does not write.")
        attribute = member.attrs.get_id(key)
        if attribute.shape != () or h5py.check_string_dtype(attribute.dtype) is None:
            refuse(ReasonCode.WEIGHTS_INVALID, name, "An attribute that is no text.")
        if attribute.get_storage_size() > MAX_ATTRIBUTE_BYTES:
            refuse(ReasonCode.WEIGHTS_SIZE, name, "An attribute is too long.")


def _check_storage(name: str, dataset: h5py.Dataset) -> None:
    import h5py  # noqa: PLC0415 - as above

    properties = dataset.id.get_create_plist()
    layout = properties.get_layout()
    if layout == h5py.h5d.VIRTUAL:
        refuse(ReasonCode.WEIGHTS_VIRTUAL, name, "A virtual dataset is read from elsewhere.")
    if properties.get_external_count():
        refuse(ReasonCode.WEIGHTS_EXTERNAL, name, "A dataset kept in another file.")
    if layout not in {h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT} or properties.get_nfilters():
        refuse(ReasonCode.WEIGHTS_FILTERED, name, "A chunked or compressed dataset.")


def _finite(name: str, dataset: h5py.Dataset) -> npt.NDArray[np.generic]:
    array = np.asarray(dataset[()])
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        refuse(ReasonCode.WEIGHTS_NOT_FINITE, name, "NaN or infinity.")
    return array
