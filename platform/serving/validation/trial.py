"""The trial of a model that has just been loaded: its golden set, and whether it behaves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from serving.encoding import bounds_of, encoder_of
from serving.errors import ArtefactError, GoldenMismatchError
from serving.exemplars import EDGE_ROWS, ROWS, golden_inputs
from serving.features import RANGED
from serving.golden import GoldenSet, check_equal, is_identical
from serving.memory import resident_bytes
from serving.reasons import ReasonCode
from serving.warmup import warm_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving.features import Feature
    from serving.servable import Servable, Tensors
    from serving.signature import Signature

LARGEST_BATCH = 128  # rows; the largest that is measured too. More rows cost in proportion
MAX_CELLS = 4_194_304  # numbers in one batch of the trial: wide rows are tried in smaller batches
SEEDS = (1, 2, 3)  # of the random batches
CALL_SECONDS = 10.0  # of one call with the largest batch, its first excepted
GROWTH_CALLS = 8  # calls over which memory must not grow
GROWTH_BYTES = 128 * 1_024 * 1_024  # resident memory moves by whole arenas
KINDS = frozenset("fiu")  # numpy's letters: floats and integers


def build_golden(reference: Servable, signature: Signature) -> GoldenSet:
    """Inputs within the signature's ranges, and what TensorFlow answers to them.

    Raises:
        ArtefactError: output_not_finite; not_deterministic; rows_not_independent, when a row
            alone gets another answer than the same row among others.
    """
    inputs = golden_inputs(signature, rows=ROWS)
    outputs = reference.predict(inputs)
    for name, array in outputs.items():
        if not np.isfinite(array).all():
            raise ArtefactError("output_not_finite", "", f"Output {name!r} has NaN or infinity.")
        if array.shape[:1] != (ROWS,):
            raise ArtefactError("rows_not_independent", "", f"Output {name!r} is not one a row.")
    golden = GoldenSet(inputs, outputs)
    try:
        check_equal(reference.predict(inputs), outputs)
    except GoldenMismatchError as error:
        raise ArtefactError("not_deterministic", "", error.detail) from None
    try:
        warm_up(reference, golden)
    except GoldenMismatchError as error:
        raise ArtefactError("rows_not_independent", "", error.detail) from None
    return golden


def try_out(servable: Servable, signature: Signature) -> None:
    """Call it as callers might, one row and many: zeros, ones, the ends of the ranges, chance.

    All values are moved into the declared ranges: what a caller cannot send need not work.

    Raises:
        ArtefactError: output_invalid, output_not_finite, not_deterministic, trial_too_slow,
            memory_growth.
    """
    largest = max(1, min(LARGEST_BATCH, MAX_CELLS // signature.cells))
    for rows in sorted({1, largest}):
        for inputs in _batches(signature, rows):
            outputs = servable.predict(inputs)
            check_outputs(outputs, signature, rows)
            started = time.monotonic()
            again = servable.predict(inputs)
            if time.monotonic() - started > CALL_SECONDS:
                detail = f"{rows} rows take longer than {CALL_SECONDS:g} seconds."
                raise ArtefactError(ReasonCode.TRIAL_TOO_SLOW, "", detail)
            if not is_identical(again, outputs):
                detail = "The same rows got two different answers."
                raise ArtefactError(ReasonCode.NOT_DETERMINISTIC, "", detail)
    _check_growth(servable, golden_inputs(signature, rows=largest))


def _batches(signature: Signature, rows: int) -> Iterator[Tensors]:
    for value in (0.0, 1.0, -np.inf, np.inf):
        yield _constant(signature, rows, value)
    for seed in SEEDS:
        drawn = golden_inputs(signature, rows=EDGE_ROWS + rows, seed=seed)
        yield {name: array[EDGE_ROWS:] for name, array in drawn.items()}


def _constant(signature: Signature, rows: int, value: float) -> Tensors:
    """Rows of one value within the ranges; infinity is the end of a range, or 0 without one."""
    dtypes = {name: tensor.dtype for tensor in signature.inputs for name in tensor.features}
    cells: list[float] = []
    for feature in signature.features:
        low, high = bounds_of(feature, dtypes[feature.name])
        bounded = {-np.inf: _has_minimum(feature), np.inf: _has_maximum(feature)}
        cell = value if bounded.get(value, True) else 0.0
        cells += [float(np.clip(cell, low, high))] * feature.size
    return encoder_of(signature).tensors_of(np.tile(np.array(cells), (rows, 1)))


def _has_minimum(feature: Feature) -> bool:
    return feature.kind not in RANGED or feature.minimum is not None


def _has_maximum(feature: Feature) -> bool:
    return feature.kind not in RANGED or feature.maximum is not None


def check_outputs(outputs: Tensors, signature: Signature, rows: int) -> None:
    """Names, shapes, types and values of an answer, against what was declared.

    Raises:
        ArtefactError: output_invalid, output_not_finite.
    """
    wanted = {output.name: (rows, *output.shape) for output in signature.outputs}
    if {name: array.shape for name, array in outputs.items()} != wanted:
        raise ArtefactError(ReasonCode.OUTPUT_INVALID, "", f"The shapes are not {wanted}.")
    for name, array in outputs.items():
        if array.dtype.kind not in KINDS:
            raise ArtefactError(ReasonCode.OUTPUT_INVALID, "", f"Output {name!r} is no number.")
        if not np.isfinite(array).all():
            detail = f"Output {name!r} has NaN or infinity."
            raise ArtefactError(ReasonCode.OUTPUT_NOT_FINITE, "", detail)


def _check_growth(servable: Servable, inputs: Tensors) -> None:
    """The same call again and again: its memory must be given back."""
    servable.predict(inputs)
    before = resident_bytes()
    for _ in range(GROWTH_CALLS):
        servable.predict(inputs)
    if resident_bytes() - before > GROWTH_BYTES:
        detail = f"{GROWTH_CALLS} calls took more than {GROWTH_BYTES} bytes for good."
        raise ArtefactError(ReasonCode.MEMORY_GROWTH, "", detail)
