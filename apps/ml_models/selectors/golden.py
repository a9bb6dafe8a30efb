"""The golden set of a version as rows that people can read, and send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.ml_models.errors import ArtefactMissingError, ModelVersionNotReadyError
from apps.ml_models.selectors.blobs import read_artefact
from serving.artefact import FileRole, Manifest, verified
from serving.decoding import decode, nested, shortest
from serving.errors import ArtefactError
from serving.golden import GoldenSet

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from apps.ml_models.models import ModelVersion

    Array = npt.NDArray[np.generic]

CELLS_MAX = 20_000  # numbers of one answer, about 200 kB
BYTES_MAX = 32 * 1024**2  # a larger golden set is not opened for this


@dataclass(frozen=True, slots=True)
class GoldenRows:
    """The first rows of a golden set, as many as CELLS_MAX numbers are.

    Attributes:
        version: whose it is.
        rows: of the whole set.
        shown: rows that are here.
        instances: inputs by feature name; None when they are not of the version's signature.
        inputs: then the tensors, by name.
        outputs: what TensorFlow answered, by name, a list for each row.
    """

    version: ModelVersion
    rows: int
    shown: int
    instances: list[dict[str, Any]] | None
    inputs: dict[str, Any] | None
    outputs: dict[str, Any]


def golden_of(version: ModelVersion) -> GoldenRows:
    """Read a version's golden set.

    Raises:
        ModelVersionNotReadyError: it has none.
        ArtefactMissingError: the file is gone, or is not the one that was validated.
    """
    if version.manifest is None:
        raise ModelVersionNotReadyError(
            f"{version} is {version.state}: it has no golden set.", state=version.state
        )
    manifest = Manifest.from_document(version.manifest)
    if manifest.files[FileRole.GOLDEN].bytes > BYTES_MAX:
        return GoldenRows(version, manifest.golden_rows, 0, [], None, {})
    golden = _read(version, manifest)
    rows = _fitting(golden)
    inputs, outputs = _first(golden.inputs, rows), _first(golden.outputs, rows)
    instances = decode(manifest.signature, inputs)
    return GoldenRows(
        version=version,
        rows=golden.rows,
        shown=rows,
        instances=instances,
        inputs=_lists(inputs) if instances is None else None,
        outputs=_lists(outputs),
    )


def _read(version: ModelVersion, manifest: Manifest) -> GoldenSet:
    sha256 = manifest.files[FileRole.GOLDEN].sha256
    try:
        return GoldenSet.from_bytes(verified(read_artefact(sha256), sha256))
    except ArtefactError as error:
        raise ArtefactMissingError(f"The golden set of {version}: {error.detail}") from error


def _fitting(golden: GoldenSet) -> int:
    """Rows that may be shown: 0 when one alone is too large."""
    arrays = [*golden.inputs.values(), *golden.outputs.values()]
    cells = sum(array.size // max(len(array), 1) for array in arrays)
    return min(golden.rows, CELLS_MAX // max(cells, 1))


def _first(arrays: Mapping[str, Array], rows: int) -> dict[str, Array]:
    return {name: array[:rows] for name, array in arrays.items()}


def _lists(arrays: Mapping[str, Array]) -> dict[str, Any]:
    """Nested lists, numbers with no more digits than their type has."""
    return {
        name: [
            nested([_number(cell) for cell in row.reshape(-1)], row.shape)
            if row.shape
            else [_number(row)]
            for row in array
        ]
        for name, array in arrays.items()
    }


def _number(cell: Any) -> object:  # noqa: ANN401 - a numpy scalar
    return shortest(cell) if cell.dtype.kind == "f" else cell.item()
