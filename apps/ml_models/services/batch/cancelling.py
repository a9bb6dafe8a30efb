"""Stopping a batch prediction: what is being worked on ends first, what is done stays readable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now

from apps.ml_models.errors import BatchPredictionFinishedError, BatchPredictionNotFoundError
from apps.ml_models.models import BatchChunk, BatchPrediction
from apps.ml_models.services.batch.finishing import drop_open_chunks, finish_if_done, lock_job
from core import audit

if TYPE_CHECKING:
    from uuid import UUID

    from core.audit import Actor

Status = BatchPrediction.Status


@transaction.atomic
def cancel_batch_prediction(
    *, job_id: UUID, actor: Actor | None, reason: str = ""
) -> BatchPrediction:
    """Ask a job to stop; again is the same. Chunks in work are finished, the others dropped.

    Raises:
        BatchPredictionFinishedError: it ended otherwise before.
    """
    job = lock_job(job_id)
    if job is None:
        raise BatchPredictionNotFoundError(f"There is no batch prediction {job_id}.")
    if job.status in {Status.CANCELLING, Status.CANCELLED}:
        return job
    if job.is_finished:
        raise BatchPredictionFinishedError(f"It is {job.status}.", status=str(job.status))
    before = str(job.status)
    job.status = Status.CANCELLING
    job.split_token = job.split_lease_until = None
    job.cancelling_at = Now()  # the database's clock, as for leases
    job.save(update_fields=["status", "split_token", "split_lease_until", "cancelling_at"])
    job.refresh_from_db(fields=["cancelling_at"])
    drop_open_chunks(job, (BatchChunk.State.PENDING,))
    finish_if_done(job)
    audit.record(
        actor=actor,
        action="ml_models.batch_prediction.cancelled",
        object_type="batch_prediction",
        object_id=str(job.pk),
        before={"status": before},
        after={"status": str(job.status)},
        reason=reason,
    )
    return job
