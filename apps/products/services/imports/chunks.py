"""A chunk of rows: each in a savepoint of its own, so that one that fails fails alone."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from django.db import DatabaseError, OperationalError, transaction
from django.db.models.functions import Lower

from apps.products.models import ProductImportRow
from apps.products.services.imports.applying import apply_row
from apps.products.services.imports.cells import Fault, RowError, read_row, sku_of
from apps.products.services.imports.faults import faults_of
from apps.products.services.imports.limits import CHUNK_SECONDS, FAULTS_MAX
from core.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from apps.products.models import ProductImport
    from apps.products.services.imports.applying import Outcome
    from apps.products.services.imports.cells import Wanted
    from apps.products.services.imports.columns import Header
    from apps.products.services.imports.reading import Record
    from core.audit import Actor

logger = logging.getLogger(__name__)

FAILED: Final = ProductImportRow.Outcome.FAILED
SKU_MAX: Final = 64  # characters of one that a report keeps


@dataclass(slots=True)
class Chunk:
    """What is done by one transaction.

    Attributes:
        row: the import, under its lock.
        header: of its file.
        actor: in whose name.
        now: aware, UTC.
        reports: of the rows that were looked at.
        seen: SKUs that the file has had already, in small letters.
        last: the last of those rows.
    """

    row: ProductImport
    header: Header
    actor: Actor
    now: datetime
    reports: list[ProductImportRow] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    last: Record | None = None


def work_off(chunk: Chunk, records: Iterable[Record]) -> None:
    """Look at these rows, or at fewer: the chunk ends early once others would wait too long.

    A row that counts stock is the last of its chunk, since orders wait for that stock.

    Raises OperationalError: a lock could not be had; the caller undoes the chunk.
    """
    until = time.monotonic() + CHUNK_SECONDS
    for record in records:
        chunk.last = record
        moved_stock = _work_off(chunk, record)
        if moved_stock or time.monotonic() > until:
            return


def _work_off(chunk: Chunk, record: Record) -> bool:
    """One row; whether it holds the lock of a stock."""
    sku = sku_of(chunk.header, record.cells)
    try:
        _check_first(chunk, sku)
        outcome = _applied(chunk, read_row(chunk.header, record.cells))
    except (RowError, DomainError, DatabaseError) as error:
        if isinstance(error, OperationalError):
            raise
        _report(chunk, record, FAILED, sku, _faults(error))
        return False
    except Exception as error:
        logger.exception("Line %s of import %s.", record.line, chunk.row.pk)
        _report(chunk, record, FAILED, sku, _faults(error))
        return False
    _report(chunk, record, outcome.kind, sku, [])
    return outcome.moved_stock and not chunk.row.dry_run


def _check_first(chunk: Chunk, sku: str) -> None:
    """A SKU counts once in a file: the second time nobody could say which row is meant."""
    folded = sku.lower()
    if folded and folded in chunk.seen:
        raise RowError(Fault("sku", "duplicate_row", f"{sku[:SKU_MAX]} is in the file before."))
    chunk.seen.add(folded)


def _applied(chunk: Chunk, wanted: Wanted) -> Outcome:
    """In a savepoint; of a dry run it is undone as soon as it is known what it would do."""
    with transaction.atomic():
        outcome = apply_row(wanted, actor=chunk.actor, now=chunk.now)
        transaction.set_rollback(chunk.row.dry_run)
    return outcome


def _faults(error: Exception) -> list[Fault]:
    if isinstance(error, RowError):
        return list(error.faults[:FAULTS_MAX])
    if isinstance(error, DomainError):
        return faults_of(error)
    if isinstance(error, DatabaseError):  # a rule of a table that no service looks at first
        logger.warning("A row of an import broke a rule of the database.", exc_info=error)
        return [Fault("", "conflict", "The database cannot take this row.")]
    return [Fault("", "internal_error", "Something went wrong on our side.")]


def _report(chunk: Chunk, record: Record, outcome: str, sku: str, faults: list[Fault]) -> None:
    chunk.reports.append(
        ProductImportRow(
            product_import=chunk.row,
            number=record.line,
            outcome=outcome,
            sku=sku[:SKU_MAX],
            errors=[fault.to_document() for fault in faults],
        )
    )


def skus_before(row: ProductImport, skus: Iterable[str]) -> set[str]:
    """Of these SKUs, in small letters, those that rows of the file had before."""
    there = ProductImportRow.objects.filter(product_import=row).alias(folded=Lower("sku"))
    rows = there.filter(folded__in=set(skus))
    return {sku.lower() for sku in rows.values_list("sku", flat=True)}
