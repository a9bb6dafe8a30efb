"""Finding a cart under its lock, making one, and keeping its hold on stock with its lines."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings

from apps.orders.errors import CartNotFoundError
from apps.orders.models import Cart
from apps.orders.selectors.carts import carts_held_by, lines_of
from apps.orders.services.carts.shapes import Contents, Hold, Item
from apps.products.selectors.buying import buyable
from apps.products.selectors.stock import held_by
from apps.products.services import stock
from core.security.tokens import digest_secret, make_secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from apps.orders.models import CartLine
    from apps.orders.selectors.carts import CartHolder
    from apps.products.selectors.buying import Buyable
    from core.audit import Actor


def lock_cart(holder: CartHolder) -> Cart | None:
    """The holder's open cart, locked until the transaction ends; None: they have none.

    Raises:
        CartNotFoundError: their token leads nowhere.
    """
    found = carts_held_by(holder).select_for_update(no_key=True).first()
    if found is None and holder.is_token_alone:
        raise CartNotFoundError
    return found


def lock_existing_cart(holder: CartHolder) -> Cart:
    """Raises CartNotFoundError also where somebody known has none yet."""
    cart = lock_cart(holder)
    if cart is None:
        raise CartNotFoundError
    return cart


def lock_or_make_cart(holder: CartHolder, *, now: datetime) -> tuple[Cart, str]:
    """The holder's open cart under its lock, and the token of one that was made for nobody known.

    Two first calls of one user at the same time make one cart: whose INSERT comes second waits for
    the first, does nothing, and finds that cart.
    """
    cart = lock_cart(holder)
    if cart is not None:
        return cart, ""
    if holder.principal is None:
        return _make_anonymous(now)
    made = Cart(
        user_id=holder.principal.user_id,
        application_id=holder.principal.application_id,
        expires_at=expiry(now),
    )
    Cart.objects.bulk_create([made], ignore_conflicts=True)
    return lock_existing_cart(holder), ""


def _make_anonymous(now: datetime) -> tuple[Cart, str]:
    token = make_secret("cart_")
    cart: Cart = Cart.objects.create(token_digest=digest_secret(token), expires_at=expiry(now))
    return cart, token


def expiry(now: datetime) -> datetime:
    return now + timedelta(days=settings.CART_KEEP_DAYS)


def touch(cart: Cart, *, now: datetime) -> None:
    """Caller holds the lock on the cart and has changed its lines or its columns."""
    cart.expires_at = expiry(now)
    cart.save()


def read_contents(cart: Cart) -> Contents:
    """Three statements: lines, what the catalogue says of them, and what is held for them."""
    lines = lines_of(cart)
    found = {
        each.variant_id: each for each in buyable(variant_ids=[line.variant_id for line in lines])
    }
    hold = _hold_of(cart)
    items = tuple(_item(line, found[line.variant_id], hold) for line in lines)
    return Contents(items, hold)


def _item(line: CartLine, found: Buyable, hold: Hold) -> Item:
    held = hold.pieces.get(found.variant_id, 0)
    return Item(line, found, None if found.available is None else found.available + held)


def _hold_of(cart: Cart) -> Hold:
    if not cart.reserves:
        return Hold()
    held = held_by(reference_of(cart))
    until = min((each.expires_at for each in held.values()), default=None)
    return Hold({variant_id: each.quantity for variant_id, each in held.items()}, until)


def reference_of(cart: Cart) -> stock.Reference:
    return stock.Reference("cart", cart.pk)


def renew_hold(
    cart: Cart, contents: Contents, *, source: Cart, actor: Actor, now: datetime
) -> None:
    """Hold what is in the cart, as it is now and for as long as it may from now on.

    Caller holds the lock on the cart, and does nothing behind this that takes another.

    Args:
        cart: what will hold it.
        contents: of the cart.
        source: the cart itself, or one that was merged into it: what that holds comes along.
        actor: stands in the ledger.
        now: aware, UTC.

    Raises:
        InsufficientStockError: names every line of which less is there; what was held stays held.
    """
    pieces = {
        item.buyable.variant_id: item.quantity for item in contents.items if item.buyable.is_buyable
    }
    _transfer(source, cart, pieces, until=_hold_end(now), actor=actor)


def join_holds(cart: Cart, *, source: Cart, actor: Actor, now: datetime) -> None:
    """Both carts' pieces are held for the first; of no stock row anything changes by it.

    Caller holds the lock on both.
    """
    pieces: Counter[UUID] = Counter()
    for each in (cart, source):
        held = held_by(reference_of(each))
        pieces.update({variant_id: one.quantity for variant_id, one in held.items()})
    _transfer(source, cart, pieces, until=_hold_end(now), actor=actor)


def _hold_end(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.CART_RESERVATION_SECONDS)


def _transfer(
    source: Cart, target: Cart, pieces: Mapping[UUID, int], *, until: datetime, actor: Actor
) -> None:
    stock.transfer(
        source=reference_of(source),
        target=reference_of(target),
        lines=[stock.StockLine(variant_id, count) for variant_id, count in pieces.items()],
        expires_at=until,
        actor=actor,
    )
