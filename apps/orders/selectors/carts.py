"""Whose a cart is, and what is in it now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from apps.orders.errors import CartNotFoundError
from apps.orders.models import Cart, CartLine
from core.security.tokens import possible_digests

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from core.security.principal import Principal

TOKEN_MAX: Final = 100  # characters of a Cart-Token; ours have 54


@dataclass(frozen=True, slots=True)
class CartHolder:
    """Who a cart is asked for: somebody known, or whoever has its token.

    Attributes:
        principal: None: nobody known.
        token: of the header Cart-Token; empty: none was sent.
    """

    principal: Principal | None
    token: str = ""

    @property
    def user_id(self) -> UUID | None:
        return None if self.principal is None else self.principal.user_id

    @property
    def is_token_alone(self) -> bool:
        """Nobody known, with a token that should lead to a cart."""
        return self.principal is None and bool(self.token)


def open_carts_of(principal: Principal) -> QuerySet[Cart]:
    """At most one: an application has one of a user's, and their own login another."""
    return Cart.objects.filter(
        user_id=principal.user_id,
        application_id=principal.application_id,
        state=Cart.State.OPEN,
    )


def carts_with_token(token: str) -> QuerySet[Cart]:
    """At most one, in whatever state it is. What cannot be a token takes as long as a wrong one."""
    return Cart.objects.filter(token_digest__in=possible_digests(token[:TOKEN_MAX]))


def carts_held_by(holder: CartHolder) -> QuerySet[Cart]:
    """The open cart of the holder, if there is one. A token counts for those alone who are unknown.

    Somebody known brings a token to have its cart merged into their own, which is another matter.
    """
    if holder.principal is not None:
        return open_carts_of(holder.principal)
    if not holder.token:
        return Cart.objects.none()
    return carts_with_token(holder.token).filter(state=Cart.State.OPEN)


def cart_held_by(holder: CartHolder) -> Cart | None:
    """None: they have none yet. Raises CartNotFoundError for a token that leads nowhere."""
    found = carts_held_by(holder).first()
    if found is None and holder.is_token_alone:
        raise CartNotFoundError
    return found


def lines_of(cart: Cart) -> list[CartLine]:
    """In the order in which they were first put in."""
    return list(CartLine.objects.filter(cart_id=cart.pk).order_by("pk"))
