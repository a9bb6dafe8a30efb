"""What keeps batch predictions moving when messages are lost and workers die; and their expiry."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from apps.ml_models import events
from apps.ml_models.errors import LeaseLostError
from apps.ml_models.models import BatchChunk, BatchPrediction
from apps.ml_models.services.batch.finishing import (
    drop_open_chunks,
    fail_job,
    finish_if_done,
    lock_job,
    publish_status,
)
from apps.ml_models.services.batch.leasing import give_up_chunk
from apps.ml_models.services.batch.limits import EXPIRED_AT_ONCE, OFFER_SECONDS, OFFERS_MAX
from apps.ml_models.services.batch.offering import offer_chunks
from apps.ml_models.services.blobs import delete_batch_files
from core.tasks import enqueue

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

Status = BatchPrediction.Status


def reap_batch_predictions() -> None:
    """Look after every unfinished job once, then let old results expire.

    Each job is looked after in a transaction of its own, so one that fails holds up no other.
    """
    unfinished = BatchPrediction.objects.filter(status__in=BatchPrediction.UNFINISHED)
    for job_id in unfinished.order_by("created_at").values_list("pk", flat=True):
        try:
            _look_after(job_id)
        except Exception:
            logger.exception("Batch prediction %s could not be looked after.", job_id)
    expire_batch_predictions()


@transaction.atomic
def _look_after(job_id: UUID) -> None:
    job = lock_job(job_id)
    if job is None or job.is_finished:
        return
    if job.split_at is None and job.status != Status.CANCELLING:
        _offer_split(job)
        return
    if job.status == Status.CANCELLING:
        _drop_expired(job)
    else:
        _give_up_expired(job)
    if not finish_if_done(job):
        _offer_again(job)


def _offer_split(job: BatchPrediction) -> None:
    """Offer a job again that nobody is splitting. Caller holds the lock on the job."""
    stale = BatchPrediction.objects.filter(pk=job.pk).filter(
        Q(split_lease_until__lt=Now())
        | Q(split_lease_until__isnull=True, offered_at__lt=_seconds_ago(OFFER_SECONDS))
    )
    if not stale.exists():
        return
    if job.split_attempts >= settings.BATCH_MAX_ATTEMPTS:
        fail_job(job, "worker_lost", "Workers died while they split the input.")
        return
    BatchPrediction.objects.filter(pk=job.pk).update(split_lease_until=None, offered_at=Now())
    enqueue("ml_models.split_batch_prediction", job_id=str(job.pk))


def _seconds_ago(seconds: float) -> Now:
    ago: Now = Now() - timedelta(seconds=seconds)  # type: ignore[assignment] # an expression like it
    return ago


def _expired(job: BatchPrediction) -> QuerySet[BatchChunk]:
    return BatchChunk.objects.filter(job=job, state=BatchChunk.State.RUNNING, lease_until__lt=Now())


def _drop_expired(job: BatchPrediction) -> None:
    drop_open_chunks(job, (BatchChunk.State.PENDING,))
    _expired(job).update(
        state=BatchChunk.State.DROPPED, lease_token=None, lease_until=None, finished_at=Now()
    )


def _give_up_expired(job: BatchPrediction) -> None:
    """Give up chunks whose every lease ran out: their rows become errors `worker_lost`."""
    for chunk in _expired(job).filter(attempt__gte=settings.BATCH_MAX_ATTEMPTS):
        chunk.job = job
        try:
            with transaction.atomic():
                give_up_chunk(chunk, "worker_lost", "Workers died while they worked on these rows.")
        except LeaseLostError:
            continue
    job.refresh_from_db(fields=["status", "succeeded_rows", "failed_rows", "row_version"])


def _offer_again(job: BatchPrediction) -> None:
    """Send hints for a job on which nobody works. Caller holds the lock on the job."""
    chunks = BatchChunk.objects.filter(job=job)
    in_work = chunks.filter(state=BatchChunk.State.RUNNING, lease_until__gte=Now())
    quiet = BatchPrediction.objects.filter(
        ~Exists(in_work.filter(job=OuterRef("pk"))),
        pk=job.pk,
        offered_at__lt=_seconds_ago(OFFER_SECONDS),
    )
    if job.status != Status.RUNNING or not quiet.exists():
        return
    claimable = chunks.filter(
        Q(state=BatchChunk.State.PENDING) | Q(state=BatchChunk.State.RUNNING, lease_until__lt=Now())
    ).count()
    BatchPrediction.objects.filter(pk=job.pk).update(offered_at=Now())
    offer_chunks(job.pk, min(claimable, OFFERS_MAX))


def expire_batch_predictions() -> int:
    """Delete the files of finished jobs whose time has come; their rows stay. How many it were."""
    due = BatchPrediction.objects.filter(
        expires_at__lt=Now(), expired_at__isnull=True, finished_at__isnull=False
    )
    job_ids = list(due.order_by("expires_at").values_list("pk", flat=True)[:EXPIRED_AT_ONCE])
    for job_id in job_ids:
        _expire(job_id)
    return len(job_ids)


@transaction.atomic
def _expire(job_id: UUID) -> None:
    job = lock_job(job_id)
    if job is None or not job.is_finished or job.status == Status.EXPIRED:
        return
    job.status = Status.EXPIRED
    job.expired_at = Now()  # the database's clock
    job.save(update_fields=["status", "expired_at"])
    publish_status(job, events.BATCH_EXPIRED)
    transaction.on_commit(lambda: delete_batch_files(job_id))
