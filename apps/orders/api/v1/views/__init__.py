"""Views of carts, coupons, orders, payments and fulfilments."""

from __future__ import annotations
