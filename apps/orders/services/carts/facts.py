"""What the behaviour facts say of carts: by Segment's names, and after the commit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction

from core.behaviour import notice
from core.money import money_document

if TYPE_CHECKING:
    from uuid import UUID

    from apps.orders.models import Cart
    from apps.orders.selectors.carts import CartHolder
    from apps.orders.services.carts.shapes import ShownCart
    from apps.products.selectors.buying import Buyable
    from core.behaviour import Name


def notice_viewed(shown: ShownCart, holder: CartHolder) -> None:
    """A read has no commit to wait for."""
    if shown.cart is None:
        return
    total = None if shown.priced is None else shown.priced.total
    properties: dict[str, Any] = {
        "cart_id": str(shown.cart.pk),
        "items": len(shown.contents.items),
        "currency": shown.cart.currency,
        "value": None if total is None else money_document(total, shown.cart.currency)["amount"],
    }
    notice("Cart Viewed", properties, by=holder.principal, anonymous_id=_stranger(shown.cart))


def notice_moved(
    name: Name, cart: Cart, buyable: Buyable, quantity: int, holder: CartHolder
) -> None:
    """Product Added or Product Removed, of so many pieces."""
    properties = {
        "cart_id": str(cart.pk),
        "product_id": str(buyable.product_id),
        "variant_id": str(buyable.variant_id),
        "sku": buyable.sku,
        "name": buyable.product_name,
        "price": money_document(buyable.price, buyable.currency)["amount"],
        "currency": buyable.currency,
        "quantity": quantity,
    }
    _after_commit(name, properties, cart, holder)


def notice_coupon(name: Name, cart: Cart, code: str, holder: CartHolder, **more: str) -> None:
    """Coupon Entered or Coupon Applied."""
    properties = {"cart_id": str(cart.pk), "coupon_name": code, **more}
    _after_commit(name, properties, cart, holder)


def notice_denied(cart: Cart, code: str, reason: str, holder: CartHolder) -> None:
    """Coupon Denied, at once: what is refused has no commit."""
    properties = {"cart_id": str(cart.pk), "coupon_name": code, "reason": reason}
    notice("Coupon Denied", properties, by=holder.principal, anonymous_id=_stranger(cart))


def _after_commit(name: Name, properties: dict[str, Any], cart: Cart, holder: CartHolder) -> None:
    offer = partial(notice, name, properties, by=holder.principal, anonymous_id=_stranger(cart))
    transaction.on_commit(offer)


def _stranger(cart: Cart) -> UUID | None:
    """Somebody not known is known by their cart."""
    return cart.pk if cart.user_id is None else None
