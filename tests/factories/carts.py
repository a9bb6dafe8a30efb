"""Carts for tests, filled as the platform fills them."""

from __future__ import annotations

from django.utils import timezone

from apps.orders.selectors.carts import CartHolder
from apps.orders.selectors.wanted import WantedItem
from apps.orders.services.carts import add_item
from tests.factories.orders import buyer_of
from tests.factories.products import make_product


def put_in(variant=None, quantity=1, *, principal=None, token="", now=None):
    """What the API answers to it; of something new, and for nobody known, unless told otherwise."""
    variant = variant or make_product().only
    return add_item(
        holder=CartHolder(principal, token),
        wanted=WantedItem(quantity=quantity, variant_id=variant.pk),
        now=now or timezone.now(),
    )


def make_cart(user, variant=None, quantity=2):
    """The open cart of a user's own login, with two pieces of something new, or of a variant."""
    return put_in(variant, quantity, principal=buyer_of(user)).cart


def begin_cart(variant=None, quantity=1):
    """The token of an anonymous cart."""
    return put_in(variant, quantity).token
