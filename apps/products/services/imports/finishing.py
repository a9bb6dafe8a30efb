"""How an import ends: its state, who hears of it, and what becomes of its file."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from django.db import transaction
from django.db.models.functions import Now

from apps.products.events.imports import IMPORT_COMPLETED
from apps.products.models import ProductImport
from apps.products.services.imports.files import delete_file
from core.outbox import publish

if TYPE_CHECKING:
    from apps.products.events.imports import EndState

State = ProductImport.State


def finish_import(row: ProductImport) -> None:
    """All rows have been looked at. Caller holds the lock on the import."""
    _end(row, _state_of(row))


def fail_import(row: ProductImport, code: str, detail: str) -> None:
    """Nothing more of it is done; what was committed stands. Caller holds the lock."""
    row.error_code, row.error_detail = code, detail
    _end(row, State.FAILED)


def _state_of(row: ProductImport) -> State:
    if not row.failed:
        return State.SUCCEEDED
    return State.FAILED if row.failed == row.rows_done else State.PARTIALLY_SUCCEEDED


def _end(row: ProductImport, state: State) -> None:
    row.state = state
    row.ended_at = Now()  # the database's clock
    row.lease_token = row.lease_until = None
    row.save()
    publish(
        IMPORT_COMPLETED.about(
            row.pk,
            {
                "status": cast("EndState", str(state)),
                "dry_run": row.dry_run,
                "rows": row.rows_total,
                "created": row.created,
                "updated": row.updated,
                "unchanged": row.unchanged,
                "failed": row.failed,
            },
            actor_id=row.user_id,
            account_id=row.user_id,
            application_id=row.application_id,
        )
    )
    transaction.on_commit(partial(delete_file, row.key))
