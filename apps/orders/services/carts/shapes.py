"""A cart as it is shown: its lines beside the catalogue, the prices and the stock of now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from apps.orders.models import Cart, CartLine
    from apps.orders.services.calculating.pricing import PricedOrder
    from apps.products.selectors.buying import Buyable


@dataclass(frozen=True, slots=True)
class Hold:
    """Pieces that a cart has reserved.

    Attributes:
        pieces: by variant.
        until: when the first of them is let go (UTC); None: it holds nothing.
    """

    pieces: Mapping[UUID, int] = field(default_factory=dict)
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A line, and what the catalogue says of it now.

    Attributes:
        available: pieces that the cart may have, those that it holds among them; None: any number.
    """

    line: CartLine
    buyable: Buyable
    available: int | None

    @property
    def quantity(self) -> int:
        return self.line.quantity


@dataclass(frozen=True, slots=True)
class Contents:
    """A cart's items, and what it holds of them."""

    items: tuple[Item, ...] = ()
    hold: Hold = field(default_factory=Hold)


@dataclass(frozen=True, slots=True)
class ShownCoupon:
    """The coupon that was entered, and why it makes nothing cheaper; `reason` None: it does."""

    code: str
    reason: str | None

    @property
    def is_applied(self) -> bool:
        return self.reason is None


@dataclass(frozen=True, slots=True)
class ShownCart:
    """What the API answers.

    Attributes:
        cart: None: nothing was ever put in.
        priced: what the items that can be bought cost now; None: there are none, or no total.
        warnings: code and, where one item is meant, its item_id.
        token: of an anonymous cart, in the answer to what began it and nowhere else.
    """

    cart: Cart | None
    contents: Contents
    priced: PricedOrder | None
    coupon: ShownCoupon | None
    warnings: Sequence[Mapping[str, Any]]
    token: str = ""
