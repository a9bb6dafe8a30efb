"""What can go wrong with carts."""

from __future__ import annotations

from core.errors import ConflictError, NotFoundError


class CartNotFoundError(NotFoundError):
    """No open cart: none was begun, the `Cart-Token` is unknown, or the cart has ended.

    It ends when it is ordered, when it is merged into that of a user, and when nobody has touched
    it for a month.
    """

    code = "cart_not_found"
    title = "There is no such cart."
    remedy = "Put something in without a `Cart-Token`; that begins another."


class CartItemNotFoundError(NotFoundError):
    """The caller's open cart has no such item."""

    code = "cart_item_not_found"
    title = "The cart has no such item."


class CartFullError(ConflictError):
    """There are as many different items as one order may have, or as many pieces of one."""

    code = "cart_full"
    title = "No more goes into the cart."
    remedy = "Order what is in it, or take something out."


class CartEmptyError(ConflictError):
    """Nothing can be ordered of a cart without items."""

    code = "cart_empty"
    title = "There is nothing in the cart."
