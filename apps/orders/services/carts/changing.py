"""What holds for a whole cart: its coupon, whether it reserves, and emptying it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from apps.orders.errors import CouponNotUsableError
from apps.orders.models import Cart, CartLine
from apps.orders.services.carts.facts import notice_coupon, notice_denied
from apps.orders.services.carts.finishing import finish
from apps.orders.services.carts.holding import (
    lock_cart,
    lock_existing_cart,
    lock_or_make_cart,
    reference_of,
    touch,
)
from apps.orders.services.coupons import coupon_for
from apps.products.services import stock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from apps.orders.selectors.carts import CartHolder
    from apps.orders.services.carts.shapes import ShownCart

    Check = Callable[[Cart | None], None]


@transaction.atomic
def change_cart(
    *, holder: CartHolder, changes: Mapping[str, Any], check: Check, now: datetime
) -> ShownCart:
    """Enter a coupon or take it out; begin or cease to hold stock.

    A coupon that may be used, but does not fit what is in the cart yet, is kept: it makes the cart
    cheaper as soon as it fits.

    Args:
        holder: whose cart.
        changes: `coupon_code` (empty: none) and `reserve`; what is not named stays.
        check: called with the locked cart, to raise when the caller has seen an older one.
        now: aware, UTC.

    Raises:
        CartNotFoundError: nobody known, and no token that leads to a cart. Somebody known always
            has one: it begins here, if it has not begun yet.
        CouponNotUsableError.
        InsufficientStockError: there is less than what is in the cart.
    """
    cart = _lock(holder, now)
    check(cart)
    if changes.get("coupon_code"):
        _enter_coupon(cart, changes["coupon_code"], holder, now)
    elif "coupon_code" in changes:
        cart.coupon_code = ""
    cart.reserves = changes.get("reserve", cart.reserves)
    if changes.get("reserve") is False:
        stock.release(reference=reference_of(cart), actor=holder.principal)
    shown = finish(cart, holder, now=now)
    if changes.get("coupon_code"):
        _notice_outcome(shown, holder)
    return shown


@transaction.atomic
def empty_cart(*, holder: CartHolder, check: Check, now: datetime) -> None:
    """Take everything out; the cart itself stays, and so does its token. Of none: nothing.

    Raises:
        CartNotFoundError: nobody known, and their token leads nowhere.
    """
    cart = lock_cart(holder)
    check(cart)
    if cart is None:
        return
    CartLine.objects.filter(cart_id=cart.pk).delete()
    cart.currency, cart.coupon_code, cart.reserves = "", "", False
    touch(cart, now=now)
    stock.release(reference=reference_of(cart), actor=holder.principal)


def _lock(holder: CartHolder, now: datetime) -> Cart:
    if holder.principal is None:
        return lock_existing_cart(holder)
    return lock_or_make_cart(holder, now=now)[0]


def _enter_coupon(cart: Cart, code: str, holder: CartHolder, now: datetime) -> None:
    try:
        coupon = coupon_for(code=code, user_id=holder.user_id, now=now)
    except CouponNotUsableError as error:
        notice_denied(cart, code, str(error.extra["reason"]), holder)
        raise
    cart.coupon_code = coupon.code
    notice_coupon("Coupon Entered", cart, coupon.code, holder)


def _notice_outcome(shown: ShownCart, holder: CartHolder) -> None:
    if shown.cart is None or shown.coupon is None:
        return
    cart, code = shown.cart, shown.coupon.code
    if shown.coupon.reason is None:
        notice_coupon("Coupon Applied", cart, code, holder)
    else:
        notice_coupon("Coupon Denied", cart, code, holder, reason=shown.coupon.reason)
