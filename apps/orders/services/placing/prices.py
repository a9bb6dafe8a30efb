"""Whether the buyer was shown what the order costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apps.orders.errors.orders import PriceChangedError
from core.money import money_document

if TYPE_CHECKING:
    from apps.orders.services.calculating.pricing import PricedOrder, PricedOrderLine
    from core.money import Money

TOTALS: Final = ("subtotal", "discount", "shipping", "tax", "total")
"""Members of an order's totals; the last is the sum of the others, the second taken off."""
LINE_AMOUNTS: Final = ("unit_price", "line_total", "discount", "tax")


def refuse_other_total(priced: PricedOrder, expected: Money | None) -> None:
    """Raises PriceChangedError, with all that it costs now, unless nothing was expected."""
    if expected is None or (expected.amount, expected.currency) == (priced.total, priced.currency):
        return
    totals = {name: money_document(getattr(priced, name), priced.currency) for name in TOTALS}
    raise PriceChangedError(
        f"It costs {totals['total']['amount']} {priced.currency} now.",
        totals=totals,
        lines=[_line(line, priced.currency) for line in priced.lines],
    )


def _line(line: PricedOrderLine, currency: str) -> dict[str, object]:
    return {
        "variant_id": str(line.variant_id),
        "sku": line.sku,
        "quantity": line.quantity,
        **{name: money_document(getattr(line, name), currency) for name in LINE_AMOUNTS},
    }
