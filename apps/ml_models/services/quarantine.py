"""Uploads in quarantine: how long their content is kept, and what nobody needs any more.

The content of an upload is kept for `UPLOAD_KEEP_DAYS` after the last version that has it was
decided, ready or rejected, so that a rejection can be looked into; what waits for its validation is
kept whatever its age, and so is what was uploaded ahead of its version until that runs out. Content
that no row names (its call died before the commit) goes after an hour. The rows stay for good.

Whoever writes a row that names content, and whoever deletes content, holds the lock of its digest.
Who is first decides: the deletion sees the row, or the row is not written.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from apps.ml_models.errors.mlflow import UploadNotFoundError
from apps.ml_models.models import ModelVersion, UploadedArtefact
from apps.ml_models.selectors.blobs import has_upload, uploads_in_quarantine
from apps.ml_models.services.blobs import delete_upload
from core.db.locks import lock_name, try_lock_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

logger = logging.getLogger(__name__)

ORPHAN_SECONDS = 3_600  # a call that stores and has not committed by then never will
ASKED_AT_ONCE = 1_000  # digests looked for in one query
PURGED_AT_ONCE = 10_000  # files; the next hour does the rest
CONTENT_LOCK = "upload_content"  # by the content's digest


def hold_upload(sha256: str) -> None:
    """Have an upload's content stay until this transaction ends, which writes a row that names it.

    Raises:
        UploadNotFoundError: it has been deleted meanwhile.
    """
    lock_name(CONTENT_LOCK, sha256)
    if not has_upload(sha256):
        raise UploadNotFoundError("The file has been deleted meanwhile; upload it again.")


def purge_quarantine(*, now: datetime) -> int:
    """Delete the content of uploads that nothing needs any more; how many there were.

    Args:
        now: aware, UTC.
    """
    written_before = now - timedelta(seconds=ORPHAN_SECONDS)
    unneeded = islice(_unneeded(now), PURGED_AT_ONCE)
    purged = sum(discard_upload(sha256, before=written_before, now=now) for sha256 in unneeded)
    if purged:
        logger.info("Deleted the content of %s uploads.", purged)
    return purged


@transaction.atomic
def discard_upload(sha256: str, *, before: datetime, now: datetime) -> bool:
    """Delete an upload's content if nothing needs it; whether it is gone.

    Args:
        sha256: of the content.
        before: aware; what was written then or later is somebody's who has no row yet.
        now: aware, UTC.
    """
    if not try_lock_name(CONTENT_LOCK, sha256):  # somebody is writing a row that names it
        return False
    return not _needed([sha256], now) and delete_upload(sha256, before=before)


def _unneeded(now: datetime) -> Iterator[str]:
    digests = uploads_in_quarantine()
    while some := list(islice(digests, ASKED_AT_ONCE)):
        needed = _needed(some, now)
        yield from (sha256 for sha256 in some if sha256 not in needed)


def _needed(digests: Collection[str], now: datetime) -> set[str]:
    """Those that a version may still be validated from or be asked about, or that wait for one."""
    since = now - timedelta(days=settings.UPLOAD_KEEP_DAYS)
    recent = Q(validated_at__isnull=True) | Q(validated_at__gt=since)
    versions = ModelVersion.objects.filter(recent, upload_digest__in=digests)
    waiting = UploadedArtefact.objects.filter(sha256__in=digests, expires_at__gt=now)
    return {
        *versions.values_list("upload_digest", flat=True),
        *waiting.values_list("sha256", flat=True),
    }
