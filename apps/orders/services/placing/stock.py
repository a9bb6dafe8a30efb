"""The stock of a new order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.products.errors import InsufficientStockError
from apps.products.services.stock import Reference, StockLine, reserve, transfer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apps.orders.models import Order
    from apps.orders.services.calculating.pricing import WantedLine
    from apps.orders.services.carts import CartContents
    from core.security.principal import Principal


def refuse_lacking(lines: Sequence[WantedLine]) -> None:
    """Refuse what cannot be had as far as a look without a lock can tell.

    The promise is kept by `hold_stock` and the database. This spares whoever comes late to a sale
    the queue for the row: most of them need no lock to learn that nothing is left.

    Raises InsufficientStockError: `lines` names every line that fails.
    """
    lacking = [line for line in lines if _lacks(line)]
    if lacking:
        raise InsufficientStockError(
            f"Too little of {', '.join(line.buyable.sku for line in lacking)}.",
            lines=[
                {
                    "variant_id": str(line.buyable.variant_id),
                    "sku": line.buyable.sku,
                    "requested": line.quantity,
                    "available": line.buyable.available,
                }
                for line in lacking
            ],
        )


def _lacks(line: WantedLine) -> bool:
    available = line.buyable.available
    return available is not None and available < line.quantity


def hold_stock(
    wanted: Sequence[WantedLine],
    *,
    order: Order,
    cart: CartContents | None,
    until: datetime,
    actor: Principal,
) -> None:
    """Hold the order's stock until then; what a cart holds already goes over to it.

    Raises InsufficientStockError.
    """
    lines = [
        StockLine(line.buyable.variant_id, line.quantity, line.buyable.supply) for line in wanted
    ]
    target = Reference("order", order.pk)
    if cart is not None and cart.reserves:
        source = Reference("cart", cart.cart.pk)
        transfer(source=source, target=target, lines=lines, expires_at=until, actor=actor)
    else:
        reserve(lines=lines, reference=target, expires_at=until, actor=actor)
