"""Pieces leave: less on hand, and less that is promised."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from django.db import connection

from apps.products.errors import InsufficientOnHandError, NotReservedError
from apps.products.models import Reservation, StockMovement
from apps.products.services.stock.holding import lock_reservations
from apps.products.services.stock.moving import Change, move
from apps.products.services.stock.shapes import actor_id_of, check_lines, check_transaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from apps.products.services.stock.holding import Held
    from apps.products.services.stock.shapes import Reference, StockLine
    from core.audit import Actor

MARK: Final = """
UPDATE products_reservation r
SET shipped = r.shipped + c.pieces,
    state = CASE WHEN r.shipped + c.pieces = r.quantity THEN 'shipped' ELSE r.state END,
    row_version = r.row_version + 1, updated_at = statement_timestamp()
FROM unnest(%s::uuid[], %s::int[]) AS c (id, pieces) WHERE r.id = c.id
"""


def ship(*, reference: Reference, lines: Sequence[StockLine], actor: Actor) -> None:
    """Take these pieces out of what is committed to the order; a part of a line may go first.

    A variant that nothing was ever reserved of for the order was not tracked when it was placed,
    and is passed over.

    Raises:
        NotReservedError: less is committed to it, and not yet shipped, than is to leave.
        InsufficientOnHandError: what was promised as a backorder has not come in yet.
        ValueError: a variant is named twice, or a quantity is below one.
    """
    check_transaction()
    check_lines(lines)
    rows = lock_reservations(reference)
    known = {row.variant_id for row in rows}
    leaving = [line for line in lines if line.variant_id in known]
    held = [row for row in rows if row.state == Reservation.State.COMMITTED]
    _check_held(leaving, held)
    pieces = _pieces(leaving, held, {row.stock_id: row.on_hand for row in held})
    if pieces:
        _take(pieces, held, reference, actor)


def _check_held(lines: Sequence[StockLine], held: Sequence[Held]) -> None:
    left = Counter[object]()
    for row in held:
        left[row.variant_id] += row.left
    for line in lines:
        if line.quantity > left[line.variant_id]:
            detail = (
                f"{line.quantity} of variant {line.variant_id} are to leave,"
                f" {left[line.variant_id]} are reserved."
            )
            raise NotReservedError(detail)


def _pieces(
    lines: Sequence[StockLine], held: Sequence[Held], on_hand: dict[UUID, int]
) -> dict[UUID, int]:
    """By reservation how many leave, from where there are any; `on_hand` is used up.

    Raises:
        InsufficientOnHandError: with every line that lacks some.
    """
    pieces: dict[UUID, int] = {}
    lacking: list[dict[str, object]] = []
    for line in lines:
        mine = [row for row in held if row.variant_id == line.variant_id]
        there = sum(on_hand[stock_id] for stock_id in {row.stock_id for row in mine})
        left = line.quantity
        for row in mine:
            count = min(left, row.left, on_hand[row.stock_id])
            if count:
                pieces[row.id] = count
                on_hand[row.stock_id] -= count
                left -= count
        if left:
            lacking.append(_told(mine[0], line.quantity, there))
    if lacking:
        raise InsufficientOnHandError(lines=lacking)
    return pieces


def _take(
    pieces: Mapping[UUID, int], held: Sequence[Held], reference: Reference, actor: Actor
) -> None:
    gone = Counter[object]()
    for row in held:
        gone[row.stock_id] += pieces.get(row.id, 0)
    changes = [
        Change(
            stock_id,
            StockMovement.Reason.SHIPPED,
            on_hand=-gone[stock_id],
            reserved=-gone[stock_id],
            reference=reference,
        )
        for stock_id in sorted({row.stock_id for row in held})
        if gone[stock_id]
    ]
    moved = move(changes, actor_id=actor_id_of(actor))
    lost = {row.stock_id: row.on_hand for row in moved if not row.fits}
    if lost:  # somebody else's parcel took them between our look and our lock
        first = {row.stock_id: row for row in held}
        told = [_told(first[each], gone[each], on_hand) for each, on_hand in lost.items()]
        raise InsufficientOnHandError(lines=told)
    with connection.cursor() as cursor:
        cursor.execute(MARK, [[*pieces], [*pieces.values()]])


def _told(row: Held, requested: int, on_hand: int) -> dict[str, object]:
    return {
        "variant_id": str(row.variant_id),
        "sku": row.sku,
        "requested": requested,
        "on_hand": on_hand,
    }
