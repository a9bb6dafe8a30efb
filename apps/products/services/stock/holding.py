"""What is held for an order or cart: its reservations, locked by id before any stock row is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import connection

if TYPE_CHECKING:
    from uuid import UUID

    from apps.products.services.stock.shapes import Reference

HELD: Final = """
SELECT r.id, r.stock_id, s.variant_id, v.sku, r.quantity, r.shipped, r.state, s.on_hand
FROM products_reservation r
JOIN products_stock s ON s.id = r.stock_id
JOIN products_variant v ON v.id = s.variant_id
WHERE (r.reference_type, r.reference_id) IN %s
ORDER BY r.id FOR NO KEY UPDATE OF r
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A reservation with what its stock row knows; `on_hand` is not locked and may have moved."""

    id: UUID
    stock_id: UUID
    variant_id: UUID
    sku: str
    quantity: int
    shipped: int
    state: str
    on_hand: int

    @property
    def left(self) -> int:
        """Pieces that have not been shipped."""
        return self.quantity - self.shipped


def lock_reservations(*references: Reference) -> list[Held]:
    """All that there ever were of them, by id, under their locks."""
    with connection.cursor() as cursor:
        cursor.execute(HELD, [tuple((each.type, each.id) for each in references)])
        return [Held(*row) for row in cursor.fetchall()]
