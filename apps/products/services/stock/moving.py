"""The one statement that moves the numbers of stock rows: all of them, or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from core.db.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from apps.products.services.stock.shapes import Reference

PIECES_MAX: Final = 1_000_000_000
"""Of one stock row, on hand or reserved: far below what the column holds."""

# Rows are locked in the order of their ids, read as they are under the lock (not as they were when
# the statement began), and changed only if every one of them allows its change. A reservation is a
# row of the same statement, and so is the movement: neither costs a round trip under the lock.
MOVE: Final = Prepared(
    "products_move_stock",
    (
        *("uuid[]", "int[]", "int[]", "text[]", "text[]", "uuid[]", "uuid[]"),
        *("int", "timestamptz", "text", "uuid"),
    ),
    """
WITH change AS (
    SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
        AS c (stock_id, on_hand, reserved, reason, reference_type, reference_id, reservation_id)
), locked AS MATERIALIZED (
    SELECT id, on_hand, reserved, safety, backorder
    FROM products_stock WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE
), judged AS MATERIALIZED (
    SELECT l.*, c.on_hand AS d_on_hand, c.reserved AS d_reserved, c.reason, c.reference_type,
        c.reference_id, c.reservation_id, f.fits, bool_and(f.fits) OVER () AS all_fit
    FROM locked l JOIN change c ON c.stock_id = l.id CROSS JOIN LATERAL (SELECT
        l.on_hand + c.on_hand BETWEEN 0 AND $8
        AND l.reserved + c.reserved BETWEEN 0 AND $8
        AND (l.backorder OR (
            (c.reserved <= 0 OR l.on_hand - l.reserved - l.safety >= c.reserved)
            AND (c.on_hand >= 0 OR l.reserved + c.reserved <= l.on_hand + c.on_hand)
        )) AS fits) f
), moved AS (
    UPDATE products_stock s
    SET on_hand = s.on_hand + j.d_on_hand, reserved = s.reserved + j.d_reserved,
        row_version = s.row_version + 1, updated_at = statement_timestamp()
    FROM judged j WHERE s.id = j.id AND j.all_fit
    RETURNING s.id, s.on_hand, s.reserved, j.d_on_hand, j.d_reserved, j.reason, j.reference_type,
        j.reference_id, j.reservation_id
), held AS (
    INSERT INTO products_reservation (
        id, row_version, stock_id, reference_type, reference_id, quantity, shipped, state,
        expires_at
    )
    SELECT reservation_id, 1, id, reference_type, reference_id, d_reserved, 0, 'active', $9
    FROM moved WHERE reservation_id IS NOT NULL
), ledger AS (
    INSERT INTO products_stockmovement (
        stock_id, on_hand_change, reserved_change, on_hand, reserved, reason, reference_type,
        reference_id, note, actor_id
    )
    SELECT id, d_on_hand, d_reserved, on_hand, reserved, reason, reference_type, reference_id,
        $10, $11
    FROM moved RETURNING id, stock_id
)
SELECT j.id, j.on_hand, j.reserved, j.safety, j.backorder, j.fits, l.id
FROM judged j LEFT JOIN ledger l ON l.stock_id = j.id ORDER BY j.id
""",
)


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one stock row; a row has one change in a move.

    Attributes:
        on_hand: pieces more, or less when negative.
        reserved: likewise.
        reason: one of StockMovement.Reason.
        reference: for whom; None: for nobody.
        reservation_id: of the reservation to be made of `reserved` pieces; None: none is made.
    """

    stock_id: UUID
    reason: str
    on_hand: int = 0
    reserved: int = 0
    reference: Reference | None = None
    reservation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A stock row as it was under the lock, before the move, and its movement if it was moved.

    `fits` says whether this row allowed its change; there are no movements unless all did.
    """

    stock_id: UUID
    on_hand: int
    reserved: int
    safety: int
    backorder: bool
    fits: bool
    movement_id: int | None


def move(
    changes: Sequence[Change],
    *,
    note: str = "",
    actor_id: UUID | None,
    expires_at: datetime | None = None,
) -> list[Moved]:
    """Make all the changes, with their movements and reservations, or none of them.

    A change fits when nothing falls below zero and, unless the row takes backorders, no more is
    reserved than is available and no less left on hand than is reserved.
    """
    arrays: list[list[Any]] = [
        [change.stock_id for change in changes],
        [change.on_hand for change in changes],
        [change.reserved for change in changes],
        [change.reason for change in changes],
        ["" if change.reference is None else change.reference.type for change in changes],
        [None if change.reference is None else change.reference.id for change in changes],
        [change.reservation_id for change in changes],
    ]
    rows = MOVE.rows(*arrays, PIECES_MAX, expires_at, note, actor_id)
    return [Moved(*row) for row in rows]
