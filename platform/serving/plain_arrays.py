"""Arrays in an uncompressed .npz, written and read back without numpy's own reader.

What comes out of the sandbox is read here, by a process that has secrets. numpy's reader inflates
members and believes the shape that a header declares; this one takes stored members only, and
a member's header must declare exactly the bytes that follow it.
"""

from __future__ import annotations

import io
import math
import zipfile
from typing import IO, TYPE_CHECKING, NoReturn

import numpy as np

from serving.errors import ArtefactError
from serving.reasons import ReasonCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    Arrays = Mapping[str, npt.NDArray[np.generic]]

SUFFIX = ".npy"
KINDS = frozenset("fiub")  # numpy's letters: floats, integers, unsigned, booleans; no objects
MAX_ITEM_BYTES = 8
MAX_MEMBERS = 100_000
MAX_HEADER_BYTES = 4_096  # of one member
MAX_AXES = 32
HEADER_VERSION = (1, 0)  # of the .npy format; numpy writes a later one only for odd types


def write_arrays(arrays: Arrays) -> bytes:
    """An uncompressed .npz; the same arrays always give the same bytes."""
    buffer = io.BytesIO()
    save_arrays(buffer, arrays)
    return buffer.getvalue()


def save_arrays(file: IO[bytes], arrays: Arrays) -> None:
    """Write them into a new file, one after the other, with no copy in memory."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in sorted(arrays.items()):
            plain = np.ascontiguousarray(array) if array.ndim else array
            info = zipfile.ZipInfo(name + SUFFIX)  # dated 1980
            info.file_size = plain.nbytes + MAX_HEADER_BYTES  # about; the true one is put in later
            with archive.open(info, "w") as member:
                np.lib.format.write_array(member, plain, HEADER_VERSION, allow_pickle=False)


def read_arrays(data: bytes, *, max_bytes: int) -> dict[str, npt.NDArray[np.generic]]:
    """Read what write_arrays wrote, and nothing else.

    Args:
        data: an .npz.
        max_bytes: of the file; stored members take no more memory than it has bytes.

    Raises:
        ArtefactError: plain_data_invalid.
    """
    if len(data) > max_bytes:
        _refuse("The arrays have too many bytes.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_members(archive.infolist(), len(data))
            return {
                info.filename.removesuffix(SUFFIX): _array_of(archive.read(info))
                for info in archive.infolist()
            }
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError) as error:
        raise ArtefactError(
            ReasonCode.PLAIN_DATA_INVALID, "", "The arrays are unreadable."
        ) from error


def _check_members(infos: list[zipfile.ZipInfo], size: int) -> None:
    names = {info.filename for info in infos}
    if len(names) != len(infos) or len(infos) > MAX_MEMBERS:
        _refuse("An array is there twice, or there are too many.")
    for info in infos:
        plain = info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 0x1
        if not plain or info.file_size != info.compress_size:
            _refuse("An array is packed.")
        if not info.filename.endswith(SUFFIX) or info.orig_filename != info.filename:
            _refuse("Something that is no array is among them.")
    if sum(info.file_size for info in infos) > size:
        _refuse("The arrays overlap.")


def _array_of(content: bytes) -> npt.NDArray[np.generic]:
    """One .npy: format of numpy.lib.format, version 1.0, C order, plain numbers."""
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != HEADER_VERSION:
        _refuse("An array has another format.")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(
        stream, max_header_size=MAX_HEADER_BYTES
    )
    if not isinstance(dtype, np.dtype) or dtype.kind not in KINDS or dtype.hasobject:
        _refuse("An array is not of plain numbers.")
    if dtype.itemsize > MAX_ITEM_BYTES or not dtype.isnative or dtype.subdtype is not None:
        _refuse("An array is not of plain numbers.")
    if len(shape) > MAX_AXES or min(shape, default=0) < 0 or (fortran_order and len(shape) > 1):
        _refuse("An array has a strange shape.")
    start = stream.tell()
    if math.prod(shape) * dtype.itemsize != len(content) - start:
        _refuse("An array declares other bytes than it has.")
    return np.frombuffer(content, dtype, offset=start).reshape(shape)


def weight_names(count: int) -> list[str]:
    """Names in the order of the model's weights: w00000, w00001, and so on."""
    return [f"w{index:05d}" for index in range(count)]


def write_weights(weights: Iterable[npt.NDArray[np.generic]]) -> bytes:
    """The weights of a model in their order."""
    return write_arrays(_numbered(weights))


def save_weights(file: IO[bytes], weights: Iterable[npt.NDArray[np.generic]]) -> None:
    """What write_weights writes, into a new file."""
    save_arrays(file, _numbered(weights))


def _numbered(weights: Iterable[npt.NDArray[np.generic]]) -> Arrays:
    arrays = list(weights)
    return dict(zip(weight_names(len(arrays)), arrays, strict=True))


def read_weights_back(data: bytes, *, max_bytes: int) -> list[npt.NDArray[np.generic]]:
    """Read what write_weights wrote; every float must be finite.

    Raises:
        ArtefactError: plain_data_invalid, weights_not_finite.
    """
    arrays = read_arrays(data, max_bytes=max_bytes)
    names = weight_names(len(arrays))
    if set(names) != set(arrays):
        _refuse("The weights are not numbered from 0 on.")
    for name in names:
        if arrays[name].dtype.kind == "f" and not np.isfinite(arrays[name]).all():
            raise ArtefactError(ReasonCode.WEIGHTS_NOT_FINITE, "", "A weight is not finite.")
    return [arrays[name] for name in names]


def _refuse(detail: str) -> NoReturn:
    raise ArtefactError(ReasonCode.PLAIN_DATA_INVALID, "", detail)
