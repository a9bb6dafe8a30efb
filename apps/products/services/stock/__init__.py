"""What is promised and what lies there: the only code that moves the numbers of a stock row.

Everything here runs in its caller's transaction. Locks are taken in one order: reservations by id,
then stock rows by id, each stock row for one statement and the commit. See
docs/subsystems/stock.md.
"""

from __future__ import annotations

from apps.products.services.stock.committing import commit
from apps.products.services.stock.releasing import release
from apps.products.services.stock.reserving import reserve
from apps.products.services.stock.restocking import restock
from apps.products.services.stock.shapes import Reference, StockLine
from apps.products.services.stock.shipping import ship
from apps.products.services.stock.transferring import transfer

__all__ = [
    "Reference",
    "StockLine",
    "commit",
    "release",
    "reserve",
    "restock",
    "ship",
    "transfer",
]
