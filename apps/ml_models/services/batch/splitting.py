"""Cutting a job's file into chunks: one pass, flat memory, all chunks in one transaction."""

from __future__ import annotations

import hashlib
import time
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.ml_models import events
from apps.ml_models.errors import ArtefactMissingError, InvalidFileError, LeaseLostError
from apps.ml_models.models import BatchChunk, BatchPrediction
from apps.ml_models.selectors.blobs import open_blob
from apps.ml_models.services.batch.finishing import fail_job, lock_job, publish_status
from apps.ml_models.services.batch.limits import CHUNK_MAX_BYTES, OFFERS_MAX
from apps.ml_models.services.batch.offering import offer_chunks
from apps.ml_models.services.batch.records import layout_of, records_of
from serving.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from apps.ml_models.services.batch.records import Record

Status = BatchPrediction.Status
READ_BYTES = 1024**2  # of the file at a time, for its digest
RENEW_EVERY_ROWS = 20_000  # looks at the clock; a row takes microseconds
INSERT_ROWS = 500  # chunks of one INSERT


def split_batch_prediction(*, job_id: UUID) -> int:
    """Cut an unsplit job into chunks and offer them to workers; the number of chunks.

    Does nothing for a job that somebody else has or that needs no split, so a task that comes
    twice is harmless. A file that is missing or cannot be cut ends the job.
    """
    job = _claim(job_id)
    if job is None:
        return 0
    try:
        chunks = list(_cut(job))
    except LeaseLostError:
        return 0
    except ArtefactMissingError:
        return _give_up(job, "input_missing", "The input is no longer there.")
    except InvalidFileError as error:
        return _give_up(job, "invalid_file", error.detail)
    return _commit(job, chunks)


@transaction.atomic
def _claim(job_id: UUID) -> BatchPrediction | None:
    """Lease the split by the database's clock; None when there is nothing to claim."""
    free = Q(split_lease_until__isnull=True) | Q(split_lease_until__lt=Now())
    claimed = BatchPrediction.objects.filter(
        free,
        pk=job_id,
        status__in=BatchPrediction.ACTIVE,
        split_at__isnull=True,
        split_attempts__lt=settings.BATCH_MAX_ATTEMPTS,
    ).update(
        split_token=uuid4(),
        split_lease_until=Now() + timedelta(seconds=settings.BATCH_LEASE_SECONDS),
        split_attempts=F("split_attempts") + 1,
    )
    if not claimed:
        return None
    job = BatchPrediction.objects.select_related("version__model").get(pk=job_id)
    if job.status == Status.QUEUED:
        job.status = Status.RUNNING
        job.started_at = Now()  # the database's clock, as for leases
        job.save(update_fields=["status", "started_at"])
        publish_status(job, events.BATCH_RUNNING)
    return job


def _cut(job: BatchPrediction) -> Iterator[BatchChunk]:
    """The chunks of the file, after its digest has been found to be the stored one."""
    signature = Signature.from_document(job.version.signature)
    with closing(open_blob(job.input_name)) as file:
        _check_digest(job, file)
        layout = layout_of(file, job.input_format, signature)
        cutter = _Cutter(job)
        renewed = time.monotonic()
        for record in records_of(file, job.input_format, offset=layout.offset, line=layout.line):
            yield from cutter.take(record)
            if cutter.rows % RENEW_EVERY_ROWS == 0 and _is_due(renewed):
                _renew(job)
                renewed = time.monotonic()
            if cutter.rows > settings.BATCH_MAX_ROWS:
                raise InvalidFileError(f"A file may have {settings.BATCH_MAX_ROWS} rows.")
        yield from cutter.close()
    if not cutter.rows:
        raise InvalidFileError("The file has no rows.")


def _check_digest(job: BatchPrediction, file: BinaryIO) -> None:
    digest = hashlib.sha256()
    while chunk := file.read(READ_BYTES):
        digest.update(chunk)
    if digest.hexdigest() != job.input_sha256:
        raise InvalidFileError("The stored input is not what was submitted.")


class _Cutter:
    """Gathers rows until a chunk is full: of rows, or of bytes."""

    def __init__(self, job: BatchPrediction) -> None:
        self._job = job
        self._first: Record | None = None
        self._first_row = 0
        self._end = 0
        self._index = 0
        self.rows = 0

    def take(self, record: Record) -> Iterator[BatchChunk]:
        if self._first is not None and self._is_full(record):
            yield from self.close()
        if self._first is None:
            self._first, self._first_row = record, self.rows
        self._end = record.end
        self.rows += 1

    def _is_full(self, record: Record) -> bool:
        assert self._first is not None  # noqa: S101 - for mypy; take() has looked
        return (
            self.rows - self._first_row >= settings.BATCH_CHUNK_ROWS
            or record.end - self._first.start > CHUNK_MAX_BYTES
        )

    def close(self) -> Iterator[BatchChunk]:
        """The chunk gathered so far, if there is one."""
        if self._first is None:
            return
        yield BatchChunk(
            job=self._job,
            index=self._index,
            first_row=self._first_row,
            first_line=self._first.line,
            row_count=self.rows - self._first_row,
            offset=self._first.start,
            length=self._end - self._first.start,
        )
        self._index += 1
        self._first = None


def _is_due(renewed: float) -> bool:
    return time.monotonic() - renewed > settings.BATCH_LEASE_SECONDS / 3


def _renew(job: BatchPrediction) -> None:
    renewed = BatchPrediction.objects.filter(pk=job.pk, split_token=job.split_token).update(
        split_lease_until=Now() + timedelta(seconds=settings.BATCH_LEASE_SECONDS)
    )
    if not renewed:
        raise LeaseLostError


@transaction.atomic
def _commit(job: BatchPrediction, chunks: list[BatchChunk]) -> int:
    """Store the chunks, if the split is still ours, and offer each to the workers."""
    locked = lock_job(job.pk)
    if locked is None or locked.split_token != job.split_token:
        return 0
    BatchChunk.objects.bulk_create(chunks, batch_size=INSERT_ROWS)
    locked.total_rows = sum(chunk.row_count for chunk in chunks)
    locked.split_at = Now()  # the database's clock, as for leases
    locked.split_token = locked.split_lease_until = None
    locked.save(update_fields=["total_rows", "split_at", "split_token", "split_lease_until"])
    offer_chunks(job.pk, min(len(chunks), OFFERS_MAX))
    return len(chunks)


@transaction.atomic
def _give_up(job: BatchPrediction, code: str, detail: str) -> int:
    locked = lock_job(job.pk)
    if locked is not None and locked.split_token == job.split_token:
        fail_job(locked, code, detail)
    return 0
