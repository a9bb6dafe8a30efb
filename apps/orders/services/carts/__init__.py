"""Carts: filled by anybody, merged when their holder logs in, ordered by somebody known."""

from __future__ import annotations

from apps.orders.services.carts.abandoning import abandon_carts, purge_carts
from apps.orders.services.carts.changing import change_cart, empty_cart
from apps.orders.services.carts.filling import add_item, change_item, remove_item
from apps.orders.services.carts.merging import merge_carts
from apps.orders.services.carts.ordering import CartContents, cart_to_order, mark_ordered
from apps.orders.services.carts.showing import show_cart

__all__ = [
    "CartContents",
    "abandon_carts",
    "add_item",
    "cart_to_order",
    "change_cart",
    "change_item",
    "empty_cart",
    "mark_ordered",
    "merge_carts",
    "purge_carts",
    "remove_item",
    "show_cart",
]
