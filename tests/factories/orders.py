"""Orders and coupons for tests, made as the platform makes them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import count

from django.utils import timezone

from apps.orders.models import Coupon
from apps.orders.services.placing import OrderWanted, WantedItem, place_order
from tests.factories.developers import login_of
from tests.factories.products import make_product

ADDRESS = {
    "name": "Alice Example",
    "line1": "Invalidenstraße 1",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
}

_numbers = count(1)  # for codes: unique in a process, which is one database


def buyer_of(user, application=None):
    """A person's login, or their application calling, as services see it."""
    login = login_of(user)
    if application is None:
        return login
    return replace(
        login,
        application_id=application.pk,
        application_name=application.name,
        owner_id=application.owner_id,
        credential="api_key",
        family_id=None,
    )


def make_order(user, lines=(), *, application=None, now=None, actor=None, **wanted):
    """A pending order of pairs (variant, pieces); without any, two pieces of something new.

    `wanted` may say shipping_address, coupon, note, cart_id, expected_total.
    """
    if not lines and "cart_id" not in wanted:
        lines = ((make_product().only, 2),)
    items = tuple(WantedItem(quantity=n, variant_id=variant.pk) for variant, n in lines)
    return place_order(
        wanted=OrderWanted(items=items, **wanted),
        actor=actor or buyer_of(user, application),
        now=now or timezone.now(),
    )


def make_coupon(code=None, **fields):
    """Ten per cent off, as often as anybody likes, unless `fields` say otherwise."""
    if "kind" not in fields:
        fields = {"kind": Coupon.Kind.PERCENTAGE, "percentage": Decimal(10), **fields}
    return Coupon.objects.create(code=code or f"SPRING{next(_numbers)}", **fields)


def orders_url(order=None, tail="") -> str:
    """Where orders lie, or one of them, or what `tail` does to it."""
    listing = "/api/v1/orders"
    return listing if order is None else f"{listing}/{getattr(order, 'pk', order)}{tail}"


def order_of(*lines, **more):
    """A body of POST /orders: pairs (variant, pieces)."""
    items = [{"variant_id": str(variant.pk), "quantity": quantity} for variant, quantity in lines]
    return {"items": items, **more}
