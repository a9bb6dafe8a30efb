"""Putting in, changing and taking out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from apps.orders.errors import (
    CartFullError,
    CartItemNotFoundError,
    MixedCurrenciesError,
    NotAvailableError,
)
from apps.orders.models import CartLine
from apps.orders.selectors.wanted import resolve
from apps.orders.services.carts.facts import notice_moved
from apps.orders.services.carts.finishing import finish
from apps.orders.services.carts.holding import lock_existing_cart, lock_or_make_cart
from apps.orders.services.carts.merging import take_in
from apps.orders.services.carts.showing import with_token
from apps.products.selectors.buying import buyable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from apps.orders.models import Cart
    from apps.orders.selectors.carts import CartHolder
    from apps.orders.selectors.wanted import WantedItem
    from apps.orders.services.carts.shapes import ShownCart
    from apps.products.selectors.buying import Buyable
    from core.behaviour import Name

    Check = Callable[[Cart], None]


@transaction.atomic
def add_item(*, holder: CartHolder, wanted: WantedItem, now: datetime) -> ShownCart:
    """Put pieces in, beside those that are there of the same variant; begins a cart if need be.

    Somebody known who brings the token of an anonymous cart has it merged into their own first; a
    token that leads nowhere is then passed over.

    Raises:
        CartNotFoundError: nobody known, and their token leads nowhere.
        NotAvailableError, VariantAmbiguousError: what is named cannot be put in.
        CartFullError, MixedCurrenciesError.
        InsufficientStockError: the cart reserves, and there is less.
    """
    (found,) = resolve([wanted], pointer="#")
    cart, token = lock_or_make_cart(holder, now=now)
    merged = None
    if holder.principal is not None and holder.token:
        merged = take_in(cart, holder.token, actor=holder.principal)
    _put(cart, found, wanted.quantity)
    notice_moved("Product Added", cart, found, wanted.quantity, holder)
    return with_token(finish(cart, holder, now=now, merged=merged), token)


@transaction.atomic
def change_item(
    *, holder: CartHolder, item_id: UUID, quantity: int, check: Check, now: datetime
) -> ShownCart:
    """Have so many pieces of it, and none: take it out.

    Args:
        holder: whose cart.
        item_id: of one of its lines.
        quantity: pieces; 0 takes it out.
        check: called with the locked cart, to raise when the caller has seen an older one.
        now: aware, UTC.

    Raises:
        CartNotFoundError, CartItemNotFoundError.
        NotAvailableError: more of what is not for sale any more.
        InsufficientStockError: the cart reserves, and there is less.
    """
    cart = lock_existing_cart(holder)
    check(cart)
    line = CartLine.objects.filter(cart_id=cart.pk, pk=item_id).first()
    if line is None:
        raise CartItemNotFoundError
    (found,) = buyable(variant_ids=[line.variant_id])
    change = quantity - line.quantity
    if quantity == 0:
        line.delete()
    else:
        _refuse_more_of_nothing(found, change)
        line.quantity, line.price_seen = quantity, found.price
        line.save(update_fields=["quantity", "price_seen"])
    if change:
        name: Name = "Product Added" if change > 0 else "Product Removed"
        notice_moved(name, cart, found, abs(change), holder)
    return finish(cart, holder, now=now)


def remove_item(*, holder: CartHolder, item_id: UUID, check: Check, now: datetime) -> ShownCart:
    """Raises CartNotFoundError, CartItemNotFoundError."""
    return change_item(holder=holder, item_id=item_id, quantity=0, check=check, now=now)


def _put(cart: Cart, found: Buyable, quantity: int) -> None:
    if cart.currency not in {"", found.currency}:
        raise MixedCurrenciesError(
            f"The cart is in {cart.currency}, and this in {found.currency}.",
            currencies=sorted([cart.currency, found.currency]),
        )
    cart.currency = found.currency
    lines = CartLine.objects.filter(cart_id=cart.pk)
    line = lines.filter(variant_id=found.variant_id).first()
    if line is None:
        if lines.count() >= settings.ORDER_LINES_MAX:
            raise CartFullError(f"At most {settings.ORDER_LINES_MAX} different items.")
        line = CartLine(cart=cart, variant_id=found.variant_id, quantity=0)
    line.quantity += quantity
    if line.quantity > settings.LINE_QUANTITY_MAX:
        raise CartFullError(f"At most {settings.LINE_QUANTITY_MAX} pieces of one item.")
    line.price_seen = found.price
    line.save()


def _refuse_more_of_nothing(found: Buyable, change: int) -> None:
    if change > 0 and not found.is_buyable:
        raise NotAvailableError(lines=[{"variant_id": str(found.variant_id), "sku": found.sku}])
