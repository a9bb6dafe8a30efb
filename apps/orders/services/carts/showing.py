"""What a cart comes to now: prices, stock, coupon, and what stands in the way of ordering it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from apps.orders.errors import CouponNotUsableError, ShippingNotPossibleError, TotalTooLargeError
from apps.orders.selectors.carts import cart_held_by
from apps.orders.services.calculating.pricing import WantedLine, price_basket
from apps.orders.services.carts.facts import notice_viewed
from apps.orders.services.carts.holding import read_contents
from apps.orders.services.carts.shapes import Contents, ShownCart, ShownCoupon
from apps.orders.services.coupons import coupon_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from apps.orders.models import Cart, Coupon
    from apps.orders.selectors.carts import CartHolder
    from apps.orders.services.calculating.pricing import PricedOrder
    from apps.orders.services.carts.shapes import Item

NOTHING: Final = ShownCart(None, Contents(), None, None, ())


def show_cart(*, holder: CartHolder, now: datetime) -> ShownCart:
    """The holder's open cart at the prices and with the stock of now; without one, an empty one.

    Raises:
        CartNotFoundError: their token leads nowhere.
    """
    cart = cart_held_by(holder)
    if cart is None:
        return NOTHING
    shown = shown_with(cart, read_contents(cart), user_id=holder.user_id, now=now)
    notice_viewed(shown, holder)
    return shown


def shown_with(cart: Cart, contents: Contents, *, user_id: UUID | None, now: datetime) -> ShownCart:
    """A cart and its contents, priced.

    A total is of what can be bought; what cannot is shown, and a warning says that it stands in the
    way. What keeps the cart from having a total at all is a warning too, never an error: whoever
    cannot see a cart cannot mend it.
    """
    usable = tuple(item for item in contents.items if not _fault_of(cart, item))
    coupon, reason = _coupon_of(cart, user_id, now)
    priced = _Priced(None, reason, [])
    if usable:
        priced = _price(usable, coupon, reason)
    shown = ShownCoupon(cart.coupon_code, priced.coupon_reason) if cart.coupon_code else None
    warnings = [*_warnings(cart, contents), *priced.warnings]
    if priced.coupon_reason is not None:
        warnings.append({"code": CouponNotUsableError.code, "item_id": None})
    return ShownCart(cart, contents, priced.order, shown, warnings)


@dataclass(frozen=True, slots=True)
class _Priced:
    order: PricedOrder | None
    coupon_reason: str | None
    warnings: list[dict[str, Any]]


def _coupon_of(cart: Cart, user_id: UUID | None, now: datetime) -> tuple[Coupon | None, str | None]:
    """The coupon that was entered, if it may be used now, or why it may not."""
    if not cart.coupon_code:
        return None, None
    try:
        return coupon_for(code=cart.coupon_code, user_id=user_id, now=now), None
    except CouponNotUsableError as error:
        return None, str(error.extra["reason"])


def _price(items: tuple[Item, ...], coupon: Coupon | None, reason: str | None) -> _Priced:
    """A coupon that does not fit is left out; any other refusal leaves the cart without total."""
    lines = [WantedLine(item.buyable, item.quantity) for item in items]
    try:
        return _Priced(price_basket(lines=lines, coupon=coupon, address=None), reason, [])
    except CouponNotUsableError as error:
        return _price(items, None, str(error.extra["reason"]))
    except (ShippingNotPossibleError, TotalTooLargeError) as error:
        return _Priced(None, reason, [{"code": error.code, "item_id": None}])


def _fault_of(cart: Cart, item: Item) -> str:
    """Why the item cannot be ordered, whatever is in stock; empty: it can."""
    if not item.buyable.is_buyable:
        return "not_buyable"
    return "other_currency" if item.buyable.currency != cart.currency else ""


def _warnings(cart: Cart, contents: Contents) -> Iterator[dict[str, Any]]:
    for item in contents.items:
        for code in _warnings_of(cart, item):
            yield {"code": code, "item_id": item.line.pk}


def _warnings_of(cart: Cart, item: Item) -> Iterator[str]:
    fault = _fault_of(cart, item)
    if fault:
        yield fault
        return
    if item.available is not None and item.available < item.quantity:
        yield "insufficient_stock"
    if item.buyable.price != item.line.price_seen:
        yield "price_changed"


def with_token(shown: ShownCart, token: str) -> ShownCart:
    """The answer to what began an anonymous cart."""
    return replace(shown, token=token)
