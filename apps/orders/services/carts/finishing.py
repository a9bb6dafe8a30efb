"""What every change of a cart ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.orders.services.carts.holding import join_holds, read_contents, renew_hold, touch
from apps.orders.services.carts.showing import shown_with
from apps.products.errors import InsufficientStockError

if TYPE_CHECKING:
    from datetime import datetime

    from apps.orders.models import Cart
    from apps.orders.selectors.carts import CartHolder
    from apps.orders.services.carts.shapes import ShownCart


def finish(
    cart: Cart, holder: CartHolder, *, now: datetime, merged: Cart | None = None
) -> ShownCart:
    """The cart lives on, holds what is in it if it reserves, and is shown as it now is.

    Caller holds the lock on the cart; stock is locked here, and nothing behind it.

    Args:
        cart: its lines have been written, its columns not yet.
        holder: whose it is.
        now: aware, UTC.
        merged: a cart that has just become part of it, locked too; what it holds comes along.

    Raises:
        InsufficientStockError: the cart reserves, and there is less.
    """
    contents = read_contents(cart)
    if not contents.items:
        cart.currency = ""
    touch(cart, now=now)
    if cart.reserves:
        source = merged or cart
        renew_hold(cart, contents, source=source, actor=holder.principal, now=now)
        contents = read_contents(cart)
    return shown_with(cart, contents, user_id=holder.user_id, now=now)


def finish_merging(cart: Cart, holder: CartHolder, *, now: datetime, merged: Cart) -> ShownCart:
    """As `finish`; but where the stock is not enough for both, what the two hold is held on."""
    try:
        return finish(cart, holder, now=now, merged=merged)
    except InsufficientStockError:  # stock and reservations are as they were
        join_holds(cart, source=merged, actor=holder.principal, now=now)
        return shown_with(cart, read_contents(cart), user_id=holder.user_id, now=now)
