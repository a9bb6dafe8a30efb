"""One order placed: read, priced, written, and last of all its stock held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from apps.orders.errors import CurrenciesDifferError, MixedCurrenciesError
from apps.orders.selectors import orders as selectors
from apps.orders.selectors.wanted import refuse_missing, resolve
from apps.orders.services.calculating.pricing import WantedLine, price_basket
from apps.orders.services.carts import cart_to_order, mark_ordered
from apps.orders.services.coupons import coupon_for, use_coupon
from apps.orders.services.payments.settling import payments_changed
from apps.orders.services.placing.prices import refuse_other_total
from apps.orders.services.placing.rows import write_order
from apps.orders.services.placing.stock import hold_stock, refuse_lacking
from apps.orders.services.placing.telling import note_checkout
from apps.products.selectors.buying import buyable
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from apps.orders.models import Coupon, Order
    from apps.orders.services.calculating.pricing import PricedOrder
    from apps.orders.services.carts import CartContents
    from apps.orders.services.placing.shapes import OrderWanted
    from apps.products.selectors.buying import Buyable
    from core.security.principal import Principal


@dataclass(frozen=True, slots=True)
class _Decided:
    """What will be ordered, all of it read and nothing of it written."""

    lines: Sequence[WantedLine]
    priced: PricedOrder
    coupon: Coupon | None
    cart: CartContents | None


@transaction.atomic
def place_order(*, wanted: OrderWanted, actor: Principal, now: datetime) -> Order:
    """Place an order for the caller: priced as the catalogue is now, its stock held for a while.

    Everything is read and written before the first stock row is touched, so that the row which
    everybody wants is locked for one statement and the commit. There is no audit entry: the
    timeline, which cannot be changed either, says who placed it, and through what.

    Args:
        wanted: what, where to, at which price.
        actor: who buys; by an application, on its owner's account or that of who lent it a token.
        now: aware, UTC; its stock is held until ORDER_RESERVATION_SECONDS later.

    Returns:
        The order with its lines; pending, or confirmed when it costs nothing.

    Raises:
        VariantAmbiguousError, DuplicateItemError, CurrenciesDifferError, NotAvailableError: of the
            items.
        CartNotFoundError, CartEmptyError: of the cart.
        MixedCurrenciesError, CouponNotUsableError, ShippingNotPossibleError, TotalTooLargeError:
            of what it comes to.
        PriceChangedError: that is not what the buyer expected.
        InsufficientStockError: there is too little of some lines; all of them are named.
    """
    decided = _decide(wanted, actor, now)
    until = now + timedelta(seconds=settings.ORDER_RESERVATION_SECONDS)
    order = write_order(decided.priced, wanted, coupon=decided.coupon, actor=actor, until=until)
    note_checkout(order, pieces=decided.priced.pieces, actor=actor)
    if decided.coupon is not None:
        use_coupon(coupon=decided.coupon, order=order, user_id=actor.user_id)
    if decided.cart is not None:
        mark_ordered(cart=decided.cart.cart, order_id=order.pk)
    hold_stock(decided.lines, order=order, cart=decided.cart, until=until, actor=actor)
    return order if order.total else _confirm_for_nothing(order, actor=actor, now=now)


def _decide(wanted: OrderWanted, actor: Principal, now: datetime) -> _Decided:
    """Look at everything that may be wrong with it, as far as reading shows."""
    cart = None
    if wanted.cart_id is not None:
        cart = cart_to_order(cart_id=wanted.cart_id, actor=actor, now=now)
    lines = _lines_of_items(wanted) if cart is None else _lines_of_cart(cart)
    code = wanted.coupon or ("" if cart is None else cart.coupon_code)
    coupon = coupon_for(code=code, user_id=actor.user_id, now=now) if code else None
    priced = price_basket(lines=lines, coupon=coupon, address=wanted.shipping_address)
    refuse_other_total(priced, wanted.expected_total)
    if cart is None or not cart.reserves:
        refuse_lacking(lines)
    return _Decided(lines, priced, coupon, cart)


def _lines_of_items(wanted: OrderWanted) -> list[WantedLine]:
    meant = resolve(wanted.items)
    _refuse_differing(meant)
    pairs = zip(meant, wanted.items, strict=True)
    return [WantedLine(variant, item.quantity) for variant, item in pairs]


def _refuse_differing(meant: Sequence[Buyable]) -> None:
    first = meant[0].currency
    faults = tuple(
        FieldError(
            "currencies_differ", f"In {each.currency}, not {first}.", pointer=f"#/items/{place}"
        )
        for place, each in enumerate(meant)
        if each.currency != first
    )
    if faults:
        raise CurrenciesDifferError(faults[0].detail, errors=faults)


def _lines_of_cart(cart: CartContents) -> list[WantedLine]:
    found = {each.variant_id: each for each in buyable(variant_ids=[v for v, _ in cart.lines])}
    missing = [v for v, _ in cart.lines if v not in found or not found[v].is_buyable]
    if missing:
        refuse_missing([{"variant_id": str(variant_id)} for variant_id in missing])
    _refuse_unseen_currency(cart.cart.currency, found.values())
    return [WantedLine(found[variant_id], quantity) for variant_id, quantity in cart.lines]


def _refuse_unseen_currency(shown: str, now: Iterable[Buyable]) -> None:
    """Whoever filled the cart has seen prices in its currency, and none in any other."""
    currencies = sorted({shown} | {each.currency for each in now})
    if len(currencies) > 1:
        raise MixedCurrenciesError(
            f"The cart is in {shown}; there are prices in another currency by now.",
            currencies=currencies,
        )


def _confirm_for_nothing(order: Order, *, actor: Principal, now: datetime) -> Order:
    """What costs nothing is paid already."""
    payments_changed(order=order, actor=actor, now=now)
    return selectors.order_with_lines(order.pk)
