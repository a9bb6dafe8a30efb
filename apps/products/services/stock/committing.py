"""From promised for a while to promised for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.products.errors import NotReservedError
from apps.products.models import Reservation
from apps.products.services.stock.shapes import check_transaction

if TYPE_CHECKING:
    from apps.products.services.stock.shapes import Reference
    from core.audit import Actor

GONE = (Reservation.State.RELEASED, Reservation.State.EXPIRED)


def commit(
    *,
    reference: Reference,
    actor: Actor,  # noqa: ARG001 - as every move of stock takes one; no number moves here
) -> None:
    """Keep what is reserved for the order until it is shipped or released: it expires no more.

    No number of a stock row moves, so none is locked. Of an order whose variants are not tracked
    nothing is reserved, and nothing is done; done twice, it is done once.

    Raises:
        NotReservedError: what was reserved has been released or has run out.
    """
    check_transaction()
    mine = Reservation.objects.filter(reference_type=reference.type, reference_id=reference.id)
    kept = mine.filter(state=Reservation.State.ACTIVE).update(
        state=Reservation.State.COMMITTED, expires_at=None
    )
    if not kept and mine.filter(state__in=GONE).exists() and not _holds(reference):
        raise NotReservedError(f"Nothing is reserved for {reference.type} {reference.id} any more.")


def _holds(reference: Reference) -> bool:
    return Reservation.objects.filter(
        reference_type=reference.type,
        reference_id=reference.id,
        state__in=(Reservation.State.COMMITTED, Reservation.State.SHIPPED),
    ).exists()
