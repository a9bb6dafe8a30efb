"""Everything that changes a cart, an order, a payment or a coupon."""

from __future__ import annotations
