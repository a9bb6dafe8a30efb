"""Working an import off: chunk by chunk, each committed with its report and how far it came."""

from __future__ import annotations

import logging
import time
from collections import Counter
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from django.db import OperationalError, transaction
from django.utils import timezone

from apps.products.errors.imports import FileNotAcceptedError, LeaseLostError
from apps.products.models import ProductImportRow
from apps.products.services.imports.cells import sku_of
from apps.products.services.imports.chunks import Chunk, skus_before, work_off
from apps.products.services.imports.columns import header_of
from apps.products.services.imports.files import open_file
from apps.products.services.imports.finishing import fail_import, finish_import
from apps.products.services.imports.leasing import (
    claim_import,
    extend_lease,
    lock_leased,
    release_import,
)
from apps.products.services.imports.limits import CHUNK_ROWS, TASK_SECONDS
from apps.products.services.imports.permitting import may_go_on
from apps.products.services.imports.reading import records_of
from core.audit import AdminActor
from core.db.locks import is_about_locks

if TYPE_CHECKING:
    from uuid import UUID

    from apps.products.models import ProductImport
    from apps.products.services.imports.columns import Header
    from apps.products.services.imports.reading import Record

logger = logging.getLogger(__name__)

NOT_PERMITTED = "Whoever uploaded the file, or their application, may not do this any more."


def run_import(*, import_id: UUID) -> bool:
    """Work off an import as long as one task may; the rest is offered again.

    Returns:
        False when there was nothing to do: another worker has it, or it has ended.
    """
    row = claim_import(import_id)
    if row is None:
        return False
    try:
        with closing(open_file(row.key)) as file:
            _run(row, file)
    except LeaseLostError:
        logger.warning("The lease on import %s ran out; another worker has it.", row.pk)
    except FileNotFoundError:
        _give_up(row, "file_missing", "The uploaded file is no longer there.")
    except FileNotAcceptedError as error:  # it was whole when it was uploaded
        _give_up(row, error.code, error.detail)
    except OperationalError as error:
        logger.warning("A chunk of import %s was undone.", row.pk, exc_info=True)
        release_import(
            row, counts=not is_about_locks(error)
        )  # others are to blame, and will be done
    except BaseException:
        release_import(row)
        raise
    return True


def _run(row: ProductImport, file: BinaryIO) -> None:
    """Chunks until the file is done, or the task's time is over."""
    header = header_of(next(records_of(file)).cells)
    until = time.monotonic() + TASK_SECONDS
    while time.monotonic() < until:
        if _commit_chunk(row, file, header):
            return
    release_import(row, goes_on=True)


def _commit_chunk(row: ProductImport, file: BinaryIO, header: Header) -> bool:
    """The next rows with their reports, in one transaction; whether the file is done with.

    Raises LeaseLostError, OperationalError: nothing of the chunk was done.
    """
    with transaction.atomic():
        locked = lock_leased(row)
        if not may_go_on(locked, header):
            fail_import(locked, "no_longer_permitted", NOT_PERMITTED)
            return True
        records, is_last = _next(locked, file)
        chunk = Chunk(locked, header, actor_of(locked), timezone.now())
        skus = [sku_of(header, record.cells).lower() for record in records]
        chunk.seen = skus_before(locked, filter(None, skus))
        work_off(chunk, records)
        is_done = is_last and chunk.last is records[-1] if records else True
        _store(chunk, locked)
        if is_done:
            finish_import(locked)
    return is_done


def _next(row: ProductImport, file: BinaryIO) -> tuple[list[Record], bool]:
    """At most CHUNK_ROWS rows behind what is done, and whether there are no more."""
    records = records_of(file, offset=row.offset, line=row.line)
    if row.offset == 0:
        next(records)  # the header
    found = list(islice(records, CHUNK_ROWS + 1))
    return found[:CHUNK_ROWS], len(found) <= CHUNK_ROWS


def _store(chunk: Chunk, row: ProductImport) -> None:
    """The reports, the counts and how far it came. Caller holds the lock on the import."""
    ProductImportRow.objects.bulk_create(chunk.reports)
    counts = Counter(report.outcome for report in chunk.reports)
    for outcome in ProductImportRow.Outcome.values:
        setattr(row, outcome, getattr(row, outcome) + counts[outcome])
    row.rows_done += len(chunk.reports)
    if chunk.last is not None:
        row.offset, row.line = chunk.last.end, chunk.last.lines
    extend_lease(row)
    row.save()


def _give_up(row: ProductImport, code: str, detail: str) -> None:
    with transaction.atomic():
        fail_import(lock_leased(row), code, detail)


def actor_of(row: ProductImport) -> AdminActor:
    """Whoever uploaded the file, and by which application: the work is done in their name."""
    return AdminActor(
        user_id=row.user_id, username=row.user.username, application_id=row.application_id
    )
