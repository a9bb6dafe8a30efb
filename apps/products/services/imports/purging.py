"""What is forgotten: reports of imports long ended, and files that no open import has."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from apps.products.models import ProductImport, ProductImportRow
from apps.products.services.imports.files import delete_orphans
from apps.products.services.imports.leasing import open_imports
from apps.products.services.imports.limits import KEEP_DAYS, ORPHAN_HOURS, PURGED_AT_ONCE

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


def purge_imports(*, now: datetime) -> int:
    """Delete imports that ended KEEP_DAYS ago, with their reports, and orphaned files.

    How many imports; what is left of them goes with the next run.
    """
    ended = ProductImport.objects.filter(ended_at__lt=now - timedelta(days=KEEP_DAYS))
    import_ids = list(ended.order_by("ended_at").values_list("pk", flat=True)[:PURGED_AT_ONCE])
    for import_id in import_ids:
        _delete(import_id)
    keys = set(open_imports().values_list("key", flat=True))
    delete_orphans(keys=keys, now=now, hours=ORPHAN_HOURS)
    return len(import_ids)


@transaction.atomic
def _delete(import_id: UUID) -> None:
    rows = ProductImportRow.objects.filter(product_import_id=import_id)
    rows._raw_delete(rows.db)  # noqa: SLF001 - by one statement, without reading 50,000 rows
    ProductImport.objects.filter(pk=import_id).delete()
