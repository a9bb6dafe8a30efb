"""What somebody wants to order, before anything is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from apps.orders.selectors.wanted import WantedItem
    from core.money import Money


@dataclass(frozen=True, slots=True)
class OrderWanted:
    """An order to place: of items, or of a cart.

    Attributes:
        items: what is to be bought; empty when it is a cart's.
        cart_id: the cart whose lines and, unless another is named, coupon are taken.
        shipping_address: as the API checked it; None: not told.
        coupon: a code; empty: none, or the cart's own.
        note: in the buyer's words.
        expected_total: what the buyer was shown; another total is refused.
    """

    items: tuple[WantedItem, ...] = ()
    cart_id: UUID | None = None
    shipping_address: Mapping[str, str] | None = None
    coupon: str = ""
    note: str = ""
    expected_total: Money | None = None
