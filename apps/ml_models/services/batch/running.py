"""One chunk: claimed under a lease, predicted, its parts written, its result stored exactly once.

Whatever dies, and however often a task comes, a chunk's rows count once: only the holder of the
lease token may commit, in one transaction with the job's counts, and losing the lease discards all.
"""

from __future__ import annotations

import logging
import time
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings
from django.db import transaction

from apps.ml_models import runtime
from apps.ml_models.errors import ArtefactMissingError, LeaseLostError
from apps.ml_models.models import BatchChunk
from apps.ml_models.selectors.blobs import open_blob
from apps.ml_models.selectors.parts import render_errors, render_results
from apps.ml_models.services.batch.leasing import (
    claim_chunk,
    fail_job_of,
    release_chunk,
    renew_lease,
    store_chunk,
    store_part,
)
from apps.ml_models.services.batch.limits import ENGINE_ROWS, ROW_ERRORS_MAX
from apps.ml_models.services.batch.records import layout_of, records_of
from apps.ml_models.services.batch.rows import UnreadableRowError, read_row
from serving.encoding import encode_rows
from serving.errors import ArtefactError, InstanceError, RuntimeUnavailableError
from serving.predictor import finite_rows
from serving.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    import numpy.typing as npt

    from apps.ml_models.services.batch.records import Layout, Record
    from serving.handle import ServableHandle
    from serving.servable import Tensors

logger = logging.getLogger(__name__)

NOT_FINITE = "The model answered this row with something that is not a finite number."


@dataclass(slots=True)
class ChunkResult:
    """What came of the rows worked off so far.

    Attributes:
        rows: indexes of the predicted rows in the whole input, ascending.
        outputs: for each engine call the outputs of its good rows.
        errors: index, line and what is wrong; the errors of one row stand together.
        failed: rows that have errors.
    """

    rows: list[int]
    outputs: list[dict[str, npt.NDArray[np.generic]]]
    errors: list[tuple[int, int | None, InstanceError]]
    failed: int = 0


def run_batch_chunk(*, job_id: UUID) -> bool:
    """Claim one chunk of a job and work it off; False when there is none to claim."""
    chunk = claim_chunk(job_id)
    if chunk is None:
        return False
    try:
        result = _work(chunk)
        _commit(chunk, result)
    except LeaseLostError:
        logger.warning("The lease on %s ran out; its result is discarded.", chunk)
    except ArtefactMissingError:
        fail_job_of(chunk, "input_missing", "The input is no longer there.")
    except (ArtefactError, RuntimeUnavailableError) as error:
        fail_job_of(chunk, error.code, error.detail)
    except BaseException as error:
        release_chunk(chunk, error)
        raise
    return True


def _work(chunk: BatchChunk) -> ChunkResult:
    job = chunk.job
    signature = Signature.from_document(job.version.signature)
    result = ChunkResult([], [], [])
    renewed = time.monotonic()
    process = runtime.start("worker")
    with process.handle_of(job.version) as handle:
        for first_row, records, layout in _batches(chunk, signature):
            _predict(handle, signature, layout, first_row, records, result)
            if time.monotonic() - renewed > settings.BATCH_LEASE_SECONDS / 3:
                renew_lease(chunk)
                renewed = time.monotonic()
    return result


def _batches(chunk: BatchChunk, signature: Signature) -> Iterator[tuple[int, list[Record], Layout]]:
    """The chunk's rows, as many at a time as one engine call takes."""
    job = chunk.job
    with closing(open_blob(job.input_name)) as file:
        layout = layout_of(file, job.input_format, signature)
        records = records_of(
            file,
            job.input_format,
            offset=chunk.offset,
            line=chunk.first_line,
            end=chunk.offset + chunk.length,
        )
        row = chunk.first_row
        while batch := list(islice(records, ENGINE_ROWS)):
            yield row, batch, layout
            row += len(batch)
    if row != chunk.first_row + chunk.row_count:
        raise ArtefactMissingError(f"The input of {chunk} has changed.")


def _predict(  # noqa: PLR0913, PLR0917 - the parts of one engine call
    handle: ServableHandle,
    signature: Signature,
    layout: Layout,
    first_row: int,
    records: list[Record],
    result: ChunkResult,
) -> None:
    rows: list[object] = []
    places: list[int] = []
    faults: dict[int, list[InstanceError]] = {}
    for place, record in enumerate(records):
        try:
            rows.append(read_row(record, place, signature, layout))
            places.append(place)
        except UnreadableRowError as error:
            faults[place] = error.errors
    tensors, good, errors = encode_rows(signature, rows)
    for fault in errors:
        faults.setdefault(places[fault.row or 0], []).append(fault)
    kept = np.array([places[index] for index in good], dtype=np.int64)
    if len(kept):
        outputs = handle.predict(tensors)
        finite = finite_rows(outputs, len(kept))
        for place in kept[~finite].tolist():
            faults[place] = [InstanceError(place, None, "model_output_invalid", NOT_FINITE)]
        result.rows += (kept[finite] + first_row).tolist()
        result.outputs.append(_picked(outputs, finite))
    for place in sorted(faults):
        line = records[place].line
        result.errors += [
            (first_row + place, line, fault) for fault in faults[place][:ROW_ERRORS_MAX]
        ]
    result.failed += len(faults)


def _picked(outputs: Tensors, rows: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[np.generic]]:
    return {name: np.ascontiguousarray(array[rows]) for name, array in outputs.items()}


def _commit(chunk: BatchChunk, result: ChunkResult) -> None:
    """Write the parts, then store where they lie and the counts: all of it, or nothing."""
    job = chunk.job
    signature = Signature.from_document(job.version.signature)
    outputs = {
        output.name: np.concatenate([part[output.name] for part in result.outputs])
        for output in signature.outputs
        if result.outputs
    }
    results = store_part(
        chunk, "results", render_results(job.output_format, signature, result.rows, outputs)
    )
    errors = store_part(chunk, "errors", render_errors(job.output_format, result.errors))
    with transaction.atomic():
        store_chunk(
            chunk,
            results=results,
            errors=errors,
            succeeded=len(result.rows),
            failed=result.failed,
            state=BatchChunk.State.DONE,
        )
