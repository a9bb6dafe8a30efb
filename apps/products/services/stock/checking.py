"""The reconciliation: stock rows, reservations and ledger must say the same."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import connection

from apps.products.models import StockCheck
from apps.products.services.stock.shapes import actor_id_of
from core.observability.metrics import gauge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from core.audit import Actor

logger = logging.getLogger(__name__)

BATCH: Final = 500  # stock rows of one statement
FINDINGS_MAX: Final = 100  # kept of one run; all are counted

DRIFTED = gauge(
    "agora_stock_drifted",
    "Stock rows that disagreed with their reservations or ledger at the last check.",
    mode="mostrecent",
)

# One statement is one snapshot (PostgreSQL, "Read Committed Isolation Level"), so that nothing that
# is committed in the middle of it can look like drift.
COMPARE: Final = """
SELECT s.id, s.on_hand, s.reserved, held.pieces, ledger.on_hand, ledger.reserved,
    newest.on_hand, newest.reserved
FROM (SELECT * FROM products_stock WHERE id > %s ORDER BY id LIMIT %s) s
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity - shipped), 0) AS pieces FROM products_reservation
    WHERE stock_id = s.id AND state IN ('active', 'committed')
) held
CROSS JOIN LATERAL (
    SELECT coalesce(sum(on_hand_change), 0) AS on_hand,
        coalesce(sum(reserved_change), 0) AS reserved
    FROM products_stockmovement WHERE stock_id = s.id
) ledger
LEFT JOIN LATERAL (
    SELECT on_hand, reserved FROM products_stockmovement
    WHERE stock_id = s.id ORDER BY id DESC LIMIT 1
) newest ON true
ORDER BY s.id
"""


def check_stock(*, actor: Actor, now: datetime) -> StockCheck:
    """Compare every stock row with its reservations and its ledger, and keep what was found.

    Nothing is repaired: a number that is wrong is a fault of the platform, which somebody must see
    before it is written over. It is logged as an error and shown by the gauge.

    Args:
        actor: who asked for it; None: the schedule.
        now: aware, UTC; when the run is said to have been.
    """
    checked, drifted = 0, 0
    findings: list[dict[str, Any]] = []
    for rows in _batches():
        wrong = [finding for row in rows if (finding := _finding(*row)) is not None]
        checked, drifted = checked + len(rows), drifted + len(wrong)
        findings += wrong[: FINDINGS_MAX - len(findings)]
    DRIFTED.set(drifted)
    if drifted:
        logger.error("Stock has drifted: %s of %s rows, e.g. %s.", drifted, checked, findings[0])
    return StockCheck.objects.create(
        checked=checked,
        drifted=drifted,
        findings=findings,
        run_by_id=actor_id_of(actor),
        created_at=now,
    )


def _batches() -> Iterator[list[Any]]:
    last = UUID(int=0)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(COMPARE, [last, BATCH])
            rows = cursor.fetchall()
        if rows:
            yield rows
            last = rows[-1][0]
        if len(rows) < BATCH:
            return


def _finding(  # noqa: PLR0913, PLR0917 - the columns of COMPARE
    stock_id: UUID,
    on_hand: int,
    reserved: int,
    held: int,
    on_hand_moved: int,
    reserved_moved: int,
    on_hand_last: int | None,
    reserved_last: int | None,
) -> dict[str, Any] | None:
    """What the row says and what it should say, by who says so; None: all agree."""
    says = {"on_hand": on_hand, "reserved": reserved}
    others = {
        "reservations": {"reserved": int(held)},
        "ledger": {"on_hand": int(on_hand_moved), "reserved": int(reserved_moved)},
        "last_movement": {"on_hand": on_hand_last or 0, "reserved": reserved_last or 0},
    }
    wrong = {
        who: told
        for who, told in others.items()
        if any(says[name] != value for name, value in told.items())
    }
    return {"stock_id": str(stock_id), "says": says, **wrong} if wrong else None
