"""How a batch prediction ends: its chunks are done, it cannot go on, or it is told to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models.functions import Now

from apps.ml_models import events
from apps.ml_models.models import BatchChunk, BatchPrediction
from core.outbox import publish

if TYPE_CHECKING:
    from uuid import UUID

    from core.outbox import EventType

Status = BatchPrediction.Status

EVENT_OF = {
    Status.SUCCEEDED: events.BATCH_SUCCEEDED,
    Status.PARTIALLY_SUCCEEDED: events.BATCH_PARTIALLY_SUCCEEDED,
    Status.FAILED: events.BATCH_FAILED,
    Status.CANCELLED: events.BATCH_CANCELLED,
}


def lock_job(job_id: UUID) -> BatchPrediction | None:
    """The job's row under a lock, always taken before a chunk's: that order excludes deadlocks."""
    return (
        BatchPrediction.objects.select_for_update(no_key=True, of=("self",))
        .select_related("version__model")
        .filter(pk=job_id)
        .first()
    )


def finish_if_done(job: BatchPrediction) -> bool:
    """Give the job its last status once no chunk is open. Caller holds the lock on the job."""
    if job.is_finished or (job.split_at is None and job.status != Status.CANCELLING):
        return job.is_finished
    if BatchChunk.objects.filter(job=job, state__in=BatchChunk.OPEN).exists():
        return False
    if job.status == Status.CANCELLING:
        _end(job, Status.CANCELLED)
    elif not job.failed_rows:
        _end(job, Status.SUCCEEDED)
    elif job.succeeded_rows:
        _end(job, Status.PARTIALLY_SUCCEEDED)
    else:
        _end(job, Status.FAILED, "all_rows_failed", "No row could be predicted; see its errors.")
    return True


def fail_job(job: BatchPrediction, code: str, detail: str) -> None:
    """End a job that cannot go on. Caller holds the lock on the job, which is unfinished.

    A worker that still has a chunk finds its lease gone and stores nothing.
    """
    drop_open_chunks(job)
    _end(job, Status.FAILED, code, detail)


def drop_open_chunks(job: BatchPrediction, states: tuple[str, ...] = BatchChunk.OPEN) -> int:
    """Take chunks from whoever has them or might claim them. Caller holds the lock on the job."""
    return BatchChunk.objects.filter(job=job, state__in=states).update(
        state=BatchChunk.State.DROPPED, lease_token=None, lease_until=None, finished_at=Now()
    )


def _end(job: BatchPrediction, status: Status, code: str = "", detail: str = "") -> None:
    job.status, job.detail_code, job.detail = status, code, detail[:500]
    job.split_token = job.split_lease_until = None
    job.finished_at = Now()  # the database's clock, as for leases
    job.save(
        update_fields=[
            "status",
            "detail_code",
            "detail",
            "split_token",
            "split_lease_until",
            "finished_at",
        ]
    )
    job.refresh_from_db(fields=["finished_at"])
    publish_status(job, EVENT_OF[status])


def publish_status(job: BatchPrediction, event_type: EventType[events.BatchData]) -> None:
    """Announce the job's status in the caller's transaction, to whoever submitted it."""
    data: events.BatchData = {
        "model": job.version.model.name,
        "version": job.version.number,
        "status": str(job.status),
        "counts": {
            "total": job.total_rows,
            "succeeded": job.succeeded_rows,
            "failed": job.failed_rows,
        },
    }
    publish(
        event_type.about(
            job.pk,
            data,
            actor_id=job.user_id,
            account_id=job.user_id,
            application_id=job.application_id,
        )
    )
