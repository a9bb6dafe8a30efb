"""One synchronous prediction: rows in, checked outputs out."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from serving.encoding import encode
from serving.errors import ModelOutputInvalidError, OverloadedError, ServingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    import numpy.typing as npt

    from serving.handle import ServableHandle
    from serving.ids import ServableId
    from serving.manager import ServableManager
    from serving.servable import Tensors
    from serving.signature import Signature

    Prediction = npt.NDArray[np.generic] | list[dict[str, npt.NDArray[np.generic]]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """What is asked of which version.

    Attributes:
        features: as the caller sent it; the forms of encoding.normalise_instances.
        max_instances: rows allowed in one call.
    """

    servable_id: ServableId
    signature: Signature
    features: object
    max_instances: int


@dataclass(frozen=True, slots=True)
class PredictResult:
    """The answer, checked: finite, and a row for each row.

    Attributes:
        outputs: arrays by output name, each (rows, *shape).
        rows: how many were asked for.
        engine: litert, tensorflow or function.
    """

    servable_id: ServableId
    engine: str
    rows: int
    outputs: Mapping[str, npt.NDArray[np.generic]]

    @property
    def prediction(self) -> Prediction:
        """A list of output lists: [[…], …], or [{name: […]}, …] for several named outputs.

        The inner values are C-contiguous arrays, for orjson with OPT_SERIALIZE_NUMPY; plain
        lists are to_lists().
        """
        columns = {
            name: np.ascontiguousarray(array.reshape(self.rows, 1) if array.ndim == 1 else array)
            for name, array in self.outputs.items()
        }
        if len(columns) == 1:
            return next(iter(columns.values()))
        return [{name: column[row] for name, column in columns.items()} for row in range(self.rows)]

    def to_lists(self) -> list[object]:
        """The prediction as plain lists and floats, for json and for the database."""
        prediction = self.prediction
        if isinstance(prediction, np.ndarray):
            lists: list[object] = prediction.tolist()
            return lists
        return [{name: array.tolist() for name, array in row.items()} for row in prediction]


class InFlightLimit:
    """At most so many calls at once; the next one is refused, not queued."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._slots = threading.BoundedSemaphore(limit)

    def __enter__(self) -> None:
        if not self._slots.acquire(blocking=False):
            raise OverloadedError(f"{self._limit} predictions are running already.")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._slots.release()


def predict(manager: ServableManager, request: PredictRequest) -> PredictResult:
    """Encode the rows, run one version on them, check what it answers.

    Raises:
        InvalidInstancesError, TooManyInstancesError: the rows are wrong or too many.
        ServableNotFoundError, ServableNotReadyError: the version is not served here now.
        ModelOutputInvalidError: the model answered with NaN, infinity or another shape.
    """
    started = time.perf_counter()
    try:
        result = _predict(manager, request)
    except ServingError as error:
        manager.observer.refused(request.servable_id, error)
        raise
    manager.observer.predicted(
        request.servable_id, rows=result.rows, seconds=time.perf_counter() - started
    )
    return result


def _predict(manager: ServableManager, request: PredictRequest) -> PredictResult:
    tensors = encode(request.signature, request.features, request.max_instances)
    rows = len(next(iter(tensors.values())))
    with manager.handle(request.servable_id) as handle:
        outputs = _run(handle, tensors)
        engine = handle.engine
    check_outputs(request.signature, outputs, rows)
    return PredictResult(request.servable_id, engine, rows, outputs)


def _run(handle: ServableHandle, tensors: Tensors) -> Tensors:
    try:
        return handle.predict(tensors)
    except Exception as error:  # an engine may raise anything, e.g. for an index it cannot look up
        logger.exception("Servable %s failed on valid rows.", handle.servable_id)
        raise ModelOutputInvalidError("The model could not answer these rows.") from error


def check_outputs(signature: Signature, outputs: Tensors, rows: int) -> None:
    """Raise ModelOutputInvalidError unless the outputs are what the signature declares."""
    for output in signature.outputs:
        array = outputs.get(output.name)
        if array is None or array.shape != (rows, *output.shape):
            shape = None if array is None else array.shape
            raise ModelOutputInvalidError(
                f"Output {output.name!r} has shape {shape}, not {(rows, *output.shape)}."
            )
    for name, array in outputs.items():
        if not np.isfinite(array).all():
            raise ModelOutputInvalidError(f"Output {name!r} is not finite.")


def finite_rows(outputs: Tensors, rows: int) -> npt.NDArray[np.bool_]:
    """Which rows are finite in every output: (rows,), for jobs that keep the good ones."""
    good = np.ones(rows, dtype=bool)
    for array in outputs.values():
        good &= np.isfinite(array).reshape(rows, -1).all(axis=1)
    return good
