"""Giving back what was promised: an order that ended, a cart that was left alone for too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import connection, transaction

from apps.products.models import Reservation, StockMovement
from apps.products.services.stock.shapes import actor_id_of, check_transaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apps.products.services.stock.shapes import Reference
    from core.audit import Actor

RELEASED: Final = (Reservation.State.RELEASED, StockMovement.Reason.RELEASED)
EXPIRED: Final = (Reservation.State.EXPIRED, StockMovement.Reason.EXPIRED)
BATCH: Final = 200  # reservations given back in one transaction: some tens of milliseconds

OF_REFERENCE: Final = """
    reference_type = %s AND reference_id = %s AND state IN ('active', 'committed')
    ORDER BY id FOR NO KEY UPDATE
"""
LEFT_ALONE: Final = """
    state = 'active' AND reference_type = 'cart' AND expires_at <= %s
    ORDER BY expires_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
"""
# Reservations first, then stock rows by id. Several reservations of one stock row are one change of
# the row and a movement each, with the sums as if they had come one after the other.
RELEASE: Final = """
WITH picked AS MATERIALIZED (
    SELECT id, stock_id, reference_type, reference_id, quantity - shipped AS pieces
    FROM products_reservation WHERE {which}
), ended AS (
    UPDATE products_reservation r
    SET state = %s, row_version = r.row_version + 1, updated_at = statement_timestamp()
    FROM picked p WHERE r.id = p.id
), total AS MATERIALIZED (
    SELECT stock_id, sum(pieces)::int AS pieces FROM picked GROUP BY stock_id
), locked AS MATERIALIZED (
    SELECT id FROM products_stock WHERE id IN (SELECT stock_id FROM total)
    ORDER BY id FOR NO KEY UPDATE
), moved AS (
    UPDATE products_stock s
    SET reserved = s.reserved - t.pieces, row_version = s.row_version + 1,
        updated_at = statement_timestamp()
    FROM total t JOIN locked l ON l.id = t.stock_id WHERE s.id = l.id
    RETURNING s.id, s.on_hand, s.reserved, t.pieces
), ledger AS (
    INSERT INTO products_stockmovement (
        stock_id, on_hand_change, reserved_change, on_hand, reserved, reason, reference_type,
        reference_id, note, actor_id
    )
    SELECT m.id, 0, -p.pieces, m.on_hand,
        m.reserved + m.pieces - sum(p.pieces) OVER (PARTITION BY p.stock_id ORDER BY p.id),
        %s, p.reference_type, p.reference_id, '', %s
    FROM moved m JOIN picked p ON p.stock_id = m.id ORDER BY p.id
)
SELECT count(*), coalesce(sum(pieces), 0)::int FROM picked
"""
RELEASE_OF_REFERENCE: Final = RELEASE.format(which=OF_REFERENCE)
RELEASE_LEFT_ALONE: Final = RELEASE.format(which=LEFT_ALONE)


def release(*, reference: Reference, expired: bool = False, actor: Actor) -> int:
    """Give back what is held for the order or cart, and return how many pieces that were.

    Also what is committed, less what has been shipped; done twice, it is done once. Like `reserve`
    it locks stock rows: call it late. With `expired` the ledger says that its time ran out.
    """
    check_transaction()
    ends = EXPIRED if expired else RELEASED
    _, pieces = _release(
        RELEASE_OF_REFERENCE, [reference.type, reference.id, *ends, actor_id_of(actor)]
    )
    return pieces


def release_carts(*, now: datetime) -> int:
    """Give back what carts hold beyond their time; the number of reservations.

    In batches, each a transaction of its own. What somebody is changing at this moment is passed
    over and found again by the next run. Orders are not touched: theirs end with the order.
    """
    count = BATCH
    total = 0
    while count == BATCH:
        with transaction.atomic():
            count, _ = _release(RELEASE_LEFT_ALONE, [now, BATCH, *EXPIRED, None])
        total += count
    return total


def _release(statement: str, values: Sequence[Any]) -> tuple[int, int]:
    """Reservations and pieces."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        reservations, pieces = cursor.fetchone()
    return int(reservations), int(pieces)
