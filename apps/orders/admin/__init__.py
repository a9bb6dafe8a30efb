"""The operators' door: orders with their timeline, payments, coupons, carts."""

from __future__ import annotations

from apps.orders.admin import carts, checks, coupons, fulfilments, orders, payments, sandbox

__all__ = ["carts", "checks", "coupons", "fulfilments", "orders", "payments", "sandbox"]
