"""Placing orders: what is wanted becomes priced lines, an order, and stock that is held for it."""

from __future__ import annotations

from apps.orders.selectors.wanted import WantedItem
from apps.orders.services.placing.orders import place_order
from apps.orders.services.placing.shapes import OrderWanted

__all__ = ["OrderWanted", "WantedItem", "place_order"]
