"""Taking a file in: looked at as a whole, stored, queued."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from django.db import transaction

from apps.products.errors.imports import TooManyImportsError
from apps.products.models import ProductImport
from apps.products.services.imports.columns import check_stock_columns
from apps.products.services.imports.files import delete_file, store_file
from apps.products.services.imports.leasing import open_imports
from apps.products.services.imports.limits import OPEN_MAX, OPEN_RETRY_AFTER
from apps.products.services.imports.reading import outline_of
from core import audit
from core.db.locks import lock_name
from core.ids import uuid7
from core.tasks import enqueue

if TYPE_CHECKING:
    from core.security.principal import Principal

NAME_MAX = 200  # characters of a file's name that are kept


def submit_import(
    *, file: IO[bytes], file_name: str, size: int, dry_run: bool, actor: Principal
) -> ProductImport:
    """Take a file in. It is read once now, so that a file that cannot be is refused at once.

    Args:
        file: a seekable one, at its beginning.
        file_name: as uploaded; shown and nothing else.
        size: bytes.
        dry_run: say what would be done, and do nothing.
        actor: with inventory:write it may count stock.

    Raises:
        FileNotAcceptedError, ImportTooLargeError, StockColumnsError, TooManyImportsError.
    """
    outline = outline_of(cast("BinaryIO", file), size)
    check_stock_columns(outline.header, scopes=actor.scopes)
    row = ProductImport(
        id=uuid7(),
        dry_run=dry_run,
        file_name=os.path.basename(file_name)[:NAME_MAX],  # noqa: PTH119 - a stranger's text, no path
        size_bytes=size,
        rows_total=outline.rows,
        user_id=actor.user_id,
        application_id=actor.application_id,
    )
    file.seek(0)
    row.key = store_file(row.pk, file)
    try:
        _queue(row, actor)
    except BaseException:
        delete_file(row.key)
        raise
    return row


@transaction.atomic
def _queue(row: ProductImport, actor: Principal) -> None:
    """One after the other, so that two cannot both be the last that there is room for."""
    lock_name("products.imports")
    if open_imports().count() >= OPEN_MAX:
        raise TooManyImportsError(f"{OPEN_MAX} are open.", retry_after=OPEN_RETRY_AFTER)
    row.save(force_insert=True)
    facts = {"file_name": row.file_name, "rows": row.rows_total, "dry_run": row.dry_run}
    audit.record(
        actor=actor,
        action="products.product_import.submitted",
        object_type="product_import",
        object_id=str(row.pk),
        before=None,
        after=facts,
    )
    enqueue("products.run_import", import_id=str(row.pk))
