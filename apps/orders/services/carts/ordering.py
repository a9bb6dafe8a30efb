"""What placing an order takes from a cart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from apps.orders.errors import CartEmptyError, CartNotFoundError
from apps.orders.models import Cart
from apps.orders.selectors.carts import lines_of, open_carts_of
from core import audit

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from core.security.principal import Principal


@dataclass(frozen=True, slots=True)
class CartContents:
    """A locked cart, for an order to be made of.

    Attributes:
        lines: variants and how many pieces of each, in the order in which they were put in.
        coupon_code: empty: none.
        reserves: it may hold stock, under the reference ("cart", cart.pk).
    """

    cart: Cart
    lines: tuple[tuple[UUID, int], ...]
    coupon_code: str
    reserves: bool


def cart_to_order(*, cart_id: UUID, actor: Principal, now: datetime) -> CartContents:  # noqa: ARG001 - a cart beyond its time is a cart until it is abandoned
    """The actor's open cart, locked until the caller's transaction ends.

    Raises:
        CartNotFoundError: there is none of that id, or it is not theirs, or it has ended.
        CartEmptyError.
    """
    cart = open_carts_of(actor).filter(pk=cart_id).select_for_update(no_key=True).first()
    if cart is None:
        raise CartNotFoundError
    lines = tuple((line.variant_id, line.quantity) for line in lines_of(cart))
    if not lines:
        raise CartEmptyError
    return CartContents(cart, lines, cart.coupon_code, cart.reserves)


@transaction.atomic
def mark_ordered(*, cart: Cart, order_id: UUID) -> None:
    """It has become an order; what is put in next begins another cart.

    Caller holds the lock on the cart, from `cart_to_order`, and has taken over what it held.
    """
    cart.state = Cart.State.ORDERED
    cart.reserves = False
    cart.save(update_fields=["state", "reserves"])
    audit.record(
        actor=None,
        action="orders.cart.ordered",
        object_type="cart",
        object_id=str(cart.pk),
        before={"state": str(Cart.State.OPEN)},
        after={"state": str(cart.state), "order_id": str(order_id)},
    )
