"""An anonymous cart becomes part of a user's, once it is known whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from apps.orders.errors import CartFullError, CartNotFoundError, MixedCurrenciesError
from apps.orders.models import Cart, CartLine
from apps.orders.selectors.carts import CartHolder, carts_with_token, lines_of
from apps.orders.services.carts.finishing import finish_merging
from apps.orders.services.carts.holding import lock_or_make_cart
from core import audit

if TYPE_CHECKING:
    from datetime import datetime

    from apps.orders.services.carts.shapes import ShownCart
    from core.security.principal import Principal


@transaction.atomic
def merge_carts(*, principal: Principal, token: str, now: datetime) -> ShownCart:
    """Take the cart of a token into the principal's own. Done twice, it is done once.

    Pieces of one variant are added up, to LINE_QUANTITY_MAX at most; the coupon comes along where
    there is none yet. What the anonymous cart holds of the stock goes on being held. Where the
    stock is not enough for both, no more than that is held, and a warning says what is short.

    Raises:
        CartNotFoundError: the token leads nowhere, or its cart went to somebody else.
        CartFullError, MixedCurrenciesError: the two do not go into one; both stay as they are.
    """
    holder = CartHolder(principal)
    cart, _ = lock_or_make_cart(holder, now=now)
    merged = take_in(cart, token, actor=principal)
    if merged is None:
        raise CartNotFoundError
    return finish_merging(cart, holder, now=now, merged=merged)


def take_in(cart: Cart, token: str, *, actor: Principal) -> Cart | None:
    """The token's cart, which is part of this one now or was already; None: it leads nowhere.

    Caller holds the lock on the user's cart; the anonymous one is locked second, always, so that
    two merges at once wait for each other in one order.
    """
    other = carts_with_token(token).select_for_update(no_key=True).first()
    if other is None:
        return None
    if other.state != Cart.State.OPEN:
        return other if _went_to(other, actor) else None
    _take_lines(cart, other)
    cart.coupon_code = cart.coupon_code or other.coupon_code
    cart.reserves = cart.reserves or other.reserves
    _end(other, actor)
    return other


def _went_to(other: Cart, actor: Principal) -> bool:
    return (
        other.state == Cart.State.MERGED
        and other.user_id == actor.user_id
        and other.application_id == actor.application_id
    )


def _take_lines(cart: Cart, other: Cart) -> None:
    moved = lines_of(other)
    if not moved:
        return
    if cart.currency not in {"", other.currency}:
        raise MixedCurrenciesError(
            f"The cart is in {cart.currency}, and the other in {other.currency}.",
            currencies=sorted([cart.currency, other.currency]),
        )
    cart.currency = other.currency
    present = {line.variant_id: line for line in lines_of(cart)}
    new = [line for line in moved if line.variant_id not in present]
    if len(present) + len(new) > settings.ORDER_LINES_MAX:
        raise CartFullError(f"At most {settings.ORDER_LINES_MAX} different items.")
    CartLine.objects.filter(pk__in=[line.pk for line in new]).update(cart=cart)
    for line in moved:
        if line.variant_id in present:
            _add(present[line.variant_id], line.quantity)


def _add(line: CartLine, quantity: int) -> None:
    line.quantity = min(line.quantity + quantity, settings.LINE_QUANTITY_MAX)
    line.save(update_fields=["quantity"])


def _end(other: Cart, actor: Principal) -> None:
    """The token dies; whose it was stays, so that the same merge again finds it done."""
    other.state = Cart.State.MERGED
    other.user_id, other.application_id = actor.user_id, actor.application_id
    other.reserves = False
    other.save(update_fields=["state", "user", "application_id", "reserves"])
    audit.record(
        actor=actor,
        action="orders.cart.merged",
        object_type="cart",
        object_id=str(other.pk),
        before={"state": str(Cart.State.OPEN)},
        after={"state": str(other.state)},
    )
