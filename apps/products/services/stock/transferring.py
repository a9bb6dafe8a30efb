"""What a cart holds becomes an order's; or a cart holds something else than before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import connection

from apps.products.models import Reservation, StockMovement
from apps.products.services.stock.holding import lock_reservations
from apps.products.services.stock.moving import Change
from apps.products.services.stock.reserving import hold
from apps.products.services.stock.shapes import StockLine, check_lines, check_transaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from apps.products.services.stock.holding import Held
    from apps.products.services.stock.shapes import Reference
    from core.audit import Actor

State: Final = Reservation.State
RELEASED: Final = StockMovement.Reason.RELEASED
HAND_OVER: Final = """
UPDATE products_reservation r
SET quantity = c.kept, reference_type = %s, reference_id = %s, expires_at = %s,
    row_version = r.row_version + 1, updated_at = statement_timestamp()
FROM unnest(%s::uuid[], %s::int[]) AS c (id, kept) WHERE r.id = c.id
"""


def transfer(
    *,
    source: Reference,
    target: Reference,
    lines: Sequence[StockLine],
    expires_at: datetime,
    actor: Actor,
) -> None:
    """Let the target hold exactly these lines, out of what both of them hold, and the source none.

    What is lacking is reserved, what is too much released. Pieces that are held beyond their time
    still count until the reaper has taken them. With one reference as both, a cart
    changes what it holds: in one statement for all stock rows, so that two carts that do so cannot
    wait for each other, as they could with a `release` and a `reserve`.

    Raises:
        InsufficientStockError: nothing is changed; each holds what it held.
        ValueError: a variant is named twice, or a quantity is below one.
    """
    check_transaction()
    check_lines(lines)
    rows = lock_reservations(*dict.fromkeys((source, target)))
    held = [row for row in rows if row.state == State.ACTIVE]
    division = _divide(lines, held)
    hold(
        division.lacking,
        reference=target,
        expires_at=expires_at,
        actor=actor,
        besides=[
            Change(stock_id, RELEASED, reserved=-count, reference=source)
            for stock_id, count in division.surplus.items()
        ],
    )
    _hand_over(division.kept, target, expires_at)
    if division.dropped:
        Reservation.objects.filter(pk__in=division.dropped).update(state=State.RELEASED)


@dataclass(frozen=True, slots=True)
class _Division:
    """What becomes of what the source holds.

    Attributes:
        kept: pieces by reservation that go over.
        dropped: reservations that nothing is kept of.
        surplus: pieces by stock row that are given back.
        lacking: what is to be reserved anew.
    """

    kept: dict[UUID, int]
    dropped: list[UUID]
    surplus: dict[UUID, int]
    lacking: list[StockLine]


def _divide(lines: Sequence[StockLine], held: Sequence[Held]) -> _Division:
    wanted = {line.variant_id: line.quantity for line in lines}
    kept: dict[UUID, int] = {}
    surplus: dict[UUID, int] = {}
    for row in held:
        count = min(wanted.get(row.variant_id, 0), row.quantity)
        if count:
            kept[row.id] = count
            wanted[row.variant_id] -= count
        if count < row.quantity:
            surplus[row.stock_id] = surplus.get(row.stock_id, 0) + row.quantity - count
    return _Division(
        kept=kept,
        dropped=[row.id for row in held if row.id not in kept],
        surplus=surplus,
        lacking=[StockLine(variant, count) for variant, count in wanted.items() if count],
    )


def _hand_over(kept: dict[UUID, int], target: Reference, expires_at: datetime) -> None:
    if not kept:
        return
    with connection.cursor() as cursor:
        cursor.execute(HAND_OVER, [target.type, target.id, expires_at, [*kept], [*kept.values()]])
