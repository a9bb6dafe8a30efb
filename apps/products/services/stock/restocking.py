"""Pieces come back and lie there again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from django.db.models import Sum

from apps.products.errors import RestockExceedsShippedError, StockConflictError
from apps.products.models import StockMovement
from apps.products.services.stock.holding import lock_reservations
from apps.products.services.stock.moving import PIECES_MAX, Change, move
from apps.products.services.stock.shapes import actor_id_of, check_lines, check_transaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from apps.products.services.stock.holding import Held
    from apps.products.services.stock.shapes import Reference, StockLine
    from core.audit import Actor

RETURNED: Final = StockMovement.Reason.RETURNED


def restock(
    *, reference: Reference, lines: Sequence[StockLine], actor: Actor, note: str = ""
) -> None:
    """Put back what was shipped of an order, where it was shipped from, for sale again.

    A variant that was not tracked when the order was placed is passed over. The note, at most 500
    characters, stands in the ledger.

    Raises:
        RestockExceedsShippedError: more than was shipped, less what came back before.
        StockConflictError: more would lie there than PIECES_MAX; nothing came back.
        ValueError: a variant is named twice, or a quantity is below one.
    """
    check_transaction()
    check_lines(lines)
    rows = lock_reservations(reference)
    known = {row.variant_id for row in rows}
    away = _away(rows, reference)
    changes = [
        change
        for line in lines
        if line.variant_id in known
        for change in _back(line, rows, away, reference)
    ]
    if changes:
        _put_back(changes, note, actor)


def _put_back(changes: Sequence[Change], note: str, actor: Actor) -> None:
    moved = move(changes, note=note, actor_id=actor_id_of(actor))
    full = next((row for row in moved if not row.fits), None)
    if full is not None:
        raise StockConflictError(
            f"At most {PIECES_MAX} pieces may lie there.",
            on_hand=full.on_hand,
            reserved=full.reserved,
            available=max(0, full.on_hand - full.reserved - full.safety),
        )


def _away(rows: Sequence[Held], reference: Reference) -> dict[UUID, int]:
    """Pieces by stock row that have left and not come back; under the reservations' locks."""
    away: dict[UUID, int] = {}
    for row in rows:
        away[row.stock_id] = away.get(row.stock_id, 0) + row.shipped
    returned = (
        StockMovement.objects.filter(
            reference_type=reference.type, reference_id=reference.id, reason=RETURNED
        )
        .values_list("stock_id")
        .annotate(pieces=Sum("on_hand_change"))
    )
    for stock_id, pieces in returned:
        away[stock_id] -= pieces
    return away


def _back(
    line: StockLine, rows: Sequence[Held], away: dict[UUID, int], reference: Reference
) -> list[Change]:
    pieces = Counter[object]()
    left = line.quantity
    places = sorted({row.stock_id for row in rows if row.variant_id == line.variant_id})
    for stock_id in places:
        pieces[stock_id] = min(left, away[stock_id])
        left -= pieces[stock_id]
    if left:
        detail = (
            f"{line.quantity} of variant {line.variant_id} would come back,"
            f" {line.quantity - left} are away."
        )
        raise RestockExceedsShippedError(detail)
    return [
        Change(stock_id, RETURNED, on_hand=pieces[stock_id], reference=reference)
        for stock_id in places
        if pieces[stock_id]
    ]
