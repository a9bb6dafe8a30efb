"""Which worker has an import: a lease by the database's clock, with a token that fences the late.

Whatever dies, a chunk's rows count once: a chunk commits with its report and with how far it came,
under the import's lock, and only while its worker's token is still the import's.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest, Now

from apps.products.errors.imports import LeaseLostError
from apps.products.models import ProductImport
from apps.products.services.imports.finishing import fail_import
from apps.products.services.imports.limits import ATTEMPTS_MAX, LEASE_SECONDS, OFFER_SECONDS
from core.tasks import enqueue

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

State = ProductImport.State
OPEN = (State.QUEUED, State.RUNNING)


def open_imports() -> QuerySet[ProductImport]:
    return ProductImport.objects.filter(state__in=OPEN)


def claimable() -> QuerySet[ProductImport]:
    """Imports that nobody has."""
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    return open_imports().filter(free)


def _until() -> Any:  # noqa: ANN401 - an expression
    return Now() + timedelta(seconds=LEASE_SECONDS)


@transaction.atomic
def claim_import(import_id: UUID) -> ProductImport | None:
    """The import for this worker alone; None: another has it, or it has ended.

    One that was leased ATTEMPTS_MAX times without a commit fails: something in it kills workers.
    """
    rows = claimable().filter(pk=import_id).select_for_update(no_key=True, skip_locked=True)
    row = rows.first()
    if row is None:
        return None
    if row.attempts >= ATTEMPTS_MAX:
        fail_import(row, "worker_lost", "Workers died, or took too long, over the next rows.")
        return None
    ProductImport.objects.filter(pk=row.pk).update(
        state=State.RUNNING,
        lease_token=uuid4(),
        lease_until=_until(),
        attempts=F("attempts") + 1,
    )
    row.refresh_from_db()
    return row


def lock_leased(row: ProductImport) -> ProductImport:
    """The import under its lock, with its uploader as they are now, who is not locked.

    Raises LeaseLostError: somebody else has it by now.
    """
    rows = open_imports().filter(pk=row.pk, lease_token=row.lease_token).select_related("user")
    locked = rows.select_for_update(no_key=True, of=("self",)).first()
    if locked is None:
        raise LeaseLostError
    return locked


def extend_lease(row: ProductImport) -> None:
    """Something was done: the next chunk has all the time again. Caller holds the lock."""
    row.attempts = 0
    row.lease_until = _until()


@transaction.atomic
def release_import(row: ProductImport, *, goes_on: bool = False, counts: bool = True) -> None:
    """Give the lease back. Raises nothing when it is somebody else's by now.

    Args:
        row: as it was claimed.
        goes_on: somebody goes on at once; else the reaper offers it, OFFER_SECONDS from now.
        counts: as one of the ATTEMPTS_MAX.
    """
    rows = open_imports().filter(pk=row.pk, lease_token=row.lease_token)
    attempts = F("attempts") if counts else Greatest(F("attempts") - 1, 0)
    if rows.update(lease_token=None, lease_until=None, attempts=attempts) and goes_on:
        enqueue("products.run_import", import_id=str(row.pk))


@transaction.atomic
def reap_imports() -> int:
    """Offer again what nobody has: its message was lost, or its worker died. How many it were.

    One that was offered just now may wait for a worker; the lease makes an offer too many harmless.
    """
    quiet: Any = Now() - timedelta(seconds=OFFER_SECONDS)
    rows = claimable().filter(updated_at__lt=quiet).order_by("pk")
    import_ids = list(rows.values_list("pk", flat=True))
    open_imports().filter(pk__in=import_ids).update()  # offered now
    for import_id in import_ids:
        enqueue("products.run_import", import_id=str(import_id))
    return len(import_ids)
