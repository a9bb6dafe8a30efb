"""Files of batch predictions that have no row: what a submission leaves whose process was killed.

An input is stored before its job's row is committed, so that there is never a job without an input.
The other way round does happen, by SIGKILL or when the commit fails; here it is put in order.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from apps.ml_models.models import BatchPrediction
from apps.ml_models.selectors.blobs import batches_with_files
from apps.ml_models.services.batch.limits import ORPHAN_SECONDS, ORPHANS_AT_ONCE
from apps.ml_models.services.blobs import delete_abandoned, delete_batch_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from uuid import UUID

logger = logging.getLogger(__name__)

ASKED_AT_ONCE = 1_000  # ids looked for in one query
UUID7 = 7


def purge_orphaned_files(*, now: datetime) -> int:
    """Delete files older than an hour that no batch prediction needs; how many had left some.

    Those are files of jobs without a row, of jobs that have expired, and what was being written
    when its process died.

    Args:
        now: aware, UTC. A job's age is that of its id, so no storage is asked for times.
    """
    before = now - timedelta(seconds=ORPHAN_SECONDS)
    orphans = list(islice(_orphans(before), ORPHANS_AT_ONCE))
    swept = sum(_delete(job_id) for job_id in orphans)
    abandoned = delete_abandoned(before=before)
    if swept or abandoned:
        logger.warning(
            "Deleted the files of %s batch predictions without a job, and %s unfinished files.",
            swept,
            abandoned,
        )
    return swept + abandoned


def _orphans(before: datetime) -> Iterator[UUID]:
    old = (job_id for job_id in batches_with_files() if _is_older(job_id, before))
    while some := list(islice(old, ASKED_AT_ONCE)):
        kept = _kept(some)
        yield from (job_id for job_id in some if job_id not in kept)


def _is_older(job_id: UUID, before: datetime) -> bool:
    """By the time in a UUIDv7, its first 48 bits in milliseconds (RFC 9562 section 5.7)."""
    return job_id.version == UUID7 and job_id.int >> 80 < before.timestamp() * 1000


def _kept(job_ids: Iterable[UUID]) -> set[UUID]:
    """Those that have a job which has not expired: its files are its own."""
    rows = BatchPrediction.objects.filter(pk__in=job_ids, expired_at=None)
    return set(rows.values_list("pk", flat=True))


def _delete(job_id: UUID) -> bool:
    try:
        delete_batch_files(job_id)
    except OSError:
        logger.exception("The files of batch prediction %s cannot be deleted.", job_id)
        return False
    return True
