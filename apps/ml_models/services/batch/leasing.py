"""Who has a chunk: claimed, renewed, given back, given up, and stored only by its holder.

Leases go by the database's clock alone. Locks are taken in one order, the job before its chunks.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.ml_models.errors import LeaseLostError
from apps.ml_models.models import BatchChunk, BatchPrediction
from apps.ml_models.selectors.blobs import directory_of_batch
from apps.ml_models.selectors.parts import render_errors
from apps.ml_models.services.batch.finishing import fail_job, finish_if_done, lock_job
from apps.ml_models.services.batch.offering import offer_chunks
from apps.ml_models.services.blobs import store
from serving.errors import InstanceError

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from apps.ml_models.services.blobs import Blob

logger = logging.getLogger(__name__)


@transaction.atomic
def claim_chunk(job_id: UUID) -> BatchChunk | None:
    """Lease the first claimable chunk, by the database's clock; None when there is none."""
    free = Q(state=BatchChunk.State.PENDING) | Q(
        state=BatchChunk.State.RUNNING, lease_until__lt=Now()
    )
    chunk = (
        BatchChunk.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .filter(
            free,
            job_id=job_id,
            job__status=BatchPrediction.Status.RUNNING,
            attempt__lt=settings.BATCH_MAX_ATTEMPTS,
        )
        .select_related("job__version__model")
        .order_by("index")
        .first()
    )
    if chunk is None:
        return None
    token = uuid4()
    BatchChunk.objects.filter(pk=chunk.pk).update(
        state=BatchChunk.State.RUNNING,
        attempt=F("attempt") + 1,
        lease_token=token,
        lease_until=Now() + timedelta(seconds=settings.BATCH_LEASE_SECONDS),
    )
    chunk.lease_token = token
    chunk.attempt += 1
    return chunk


def renew_lease(chunk: BatchChunk) -> None:
    """Say that the chunk is still in work. Raises LeaseLostError when it is no longer ours."""
    renewed = _held(chunk).update(
        lease_until=Now() + timedelta(seconds=settings.BATCH_LEASE_SECONDS)
    )
    if not renewed:
        raise LeaseLostError


def _held(chunk: BatchChunk) -> QuerySet[BatchChunk]:
    return BatchChunk.objects.filter(
        pk=chunk.pk, lease_token=chunk.lease_token, state=BatchChunk.State.RUNNING
    )


def store_part(chunk: BatchChunk, kind: str, content: bytes) -> Blob | None:
    """Write a part under its digest; a second attempt at the chunk writes the same file again."""
    if not content:
        return None
    directory = directory_of_batch(chunk.job_id)
    return store([content], lambda sha: f"{directory}/{chunk.index:06}-{kind}-{sha[:32]}")


def store_chunk(  # noqa: PLR0913 - keyword-only, one chunk's outcome
    chunk: BatchChunk,
    *,
    results: Blob | None,
    errors: Blob | None,
    succeeded: int,
    failed: int,
    state: BatchChunk.State,
) -> None:
    """Move a leased chunk to its end and the job's counts with it. Caller is in a transaction.

    Raises:
        LeaseLostError: the token is no longer the chunk's; the caller's transaction must roll back.
    """
    job = lock_job(chunk.job_id)
    stored = _held(chunk).update(
        state=state,
        lease_token=None,
        lease_until=None,
        finished_at=Now(),
        succeeded=succeeded,
        failed=failed,
        **_part_fields("result", results),
        **_part_fields("errors", errors),
    )
    if job is None or not stored:
        raise LeaseLostError
    job.succeeded_rows += succeeded
    job.failed_rows += failed
    job.save(update_fields=["succeeded_rows", "failed_rows"])
    if not finish_if_done(job) and _has_pending(job):
        offer_chunks(job.pk, 1)


def _part_fields(prefix: str, blob: Blob | None) -> dict[str, str | int]:
    if blob is None:
        return {}
    return {
        f"{prefix}_name": blob.name,
        f"{prefix}_sha256": blob.sha256,
        f"{prefix}_bytes": blob.bytes,
    }


def _has_pending(job: BatchPrediction) -> bool:
    return BatchChunk.objects.filter(job=job, state=BatchChunk.State.PENDING).exists()


@transaction.atomic
def fail_job_of(chunk: BatchChunk, code: str, detail: str) -> None:
    """End the job: what stopped this chunk will stop every other one."""
    job = lock_job(chunk.job_id)
    if job is not None and not job.is_finished and _held(chunk).exists():
        fail_job(job, code, detail)


@transaction.atomic
def release_chunk(chunk: BatchChunk, error: BaseException) -> None:
    """Give a chunk back after an unforeseen error; the attempt counts, so this has an end."""
    logger.error("%s failed in attempt %s: %r", chunk, chunk.attempt, error)
    job = lock_job(chunk.job_id)
    if job is None or not _held(chunk).exists():
        return
    if chunk.attempt >= settings.BATCH_MAX_ATTEMPTS:
        give_up_chunk(chunk, "internal_error", "The platform failed on these rows repeatedly.")
        return
    dropped = job.status == BatchPrediction.Status.CANCELLING
    _held(chunk).update(
        state=BatchChunk.State.DROPPED if dropped else BatchChunk.State.PENDING,
        lease_token=None,
        lease_until=None,
        finished_at=Now() if dropped else None,
    )
    if not finish_if_done(job):
        offer_chunks(job.pk, 1)


def give_up_chunk(chunk: BatchChunk, code: str, detail: str) -> None:
    """Make every row of a leased chunk an error. Caller is in a transaction."""
    fault = InstanceError(None, None, code, detail)
    rows = range(chunk.first_row, chunk.first_row + chunk.row_count)
    content = render_errors(chunk.job.output_format, ((row, None, fault) for row in rows))
    store_chunk(
        chunk,
        results=None,
        errors=store_part(chunk, "errors", content),
        succeeded=0,
        failed=chunk.row_count,
        state=BatchChunk.State.GIVEN_UP,
    )
